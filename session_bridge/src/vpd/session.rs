//! Sessions: create, read, list, end.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Token;
use crate::db::{DatabaseError, Identity, Pool, Transaction, run, statement};

/// A session as its own applications see it. Times are RFC 3339, by the clock of the database.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Public identifier; of no use as a credential.
    pub session_id: Uuid,
    /// User.
    pub user_name: String,
    /// Application whose token was shown.
    pub app: String,
    /// Pillar of the session.
    pub pillar: String,
    /// False for an anonymous subject.
    pub is_authenticated: bool,
    /// Name written to audit columns.
    pub audit_identity: String,
    /// User on whose behalf the subject acts.
    #[schema(required)]
    pub acting_for: Option<String>,
    /// Flattened roles.
    pub roles: Vec<String>,
    /// Flattened privileges.
    pub privileges: Vec<String>,
    /// Attributes by namespace.
    pub attributes: Map<String, Value>,
    /// Language (BCP 47).
    #[schema(required)]
    pub language: Option<String>,
    /// Territory (ISO 3166-1).
    #[schema(required)]
    pub territory: Option<String>,
    /// Date format.
    #[schema(required)]
    pub date_format: Option<String>,
    /// Number format.
    #[schema(required)]
    pub number_format: Option<String>,
    /// Start.
    pub created_at: String,
    /// When the session dies unless it is used.
    pub idle_expires_at: String,
    /// When it dies in any case.
    pub expires_at: String,
    /// The clock the other times are read on.
    pub server_time: String,
    /// Idle time-out.
    #[schema(required)]
    pub idle_timeout_seconds: Option<i64>,
    /// Pause between two keep-alives: a quarter of the idle time-out.
    #[schema(required)]
    pub keepalive_seconds: Option<i64>,
}

/// One of a user's sessions, in a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionSummary {
    /// Public identifier.
    pub session_id: Uuid,
    /// Application that created it.
    pub app: String,
    /// Pillar.
    pub pillar: String,
    /// Start.
    pub created_at: String,
    /// Last use that moved the idle clock.
    pub last_access_at: String,
    /// When it dies unless it is used.
    pub idle_expires_at: String,
    /// When it dies in any case.
    pub expires_at: String,
    /// Address of the client at login.
    #[schema(required)]
    pub client_address: Option<String>,
    /// User agent at login.
    #[schema(required)]
    pub user_agent: Option<String>,
    /// True for the session that asked.
    pub is_current: bool,
}

/// What a session may do with a resource.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ResourcePrivileges {
    /// Name of the resource.
    pub resource: String,
    /// What it is: page, `task_flow`, `web_service`, report, ….
    pub kind: String,
    /// edit, view or hidden.
    pub mode: String,
    /// Actions the session may do.
    pub actions: Vec<String>,
}

/// What somebody shows who wants a session.
#[derive(Debug)]
pub struct Proof {
    /// Identity token, as the provider made it.
    pub identity_token: Token,
    /// Nonce of the login that the token is to belong to.
    pub nonce: Option<String>,
}

/// Where a login came from.
#[derive(Debug)]
pub struct Client {
    /// Address.
    pub address: IpAddr,
    /// User agent, cut to a sensible length.
    pub user_agent: Option<String>,
}

/// The user agent a request names, cut to 256 characters.
pub fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(USER_AGENT)?.to_str().ok()?;
    Some(text.chars().take(256).collect())
}

/// Creates a session for whom an identity token names, if the database accepts it, with all of the roles or with one, and reads it back.
pub async fn create(
    pool: &Pool,
    proof: &Proof,
    app: &str,
    assumed_role: Option<&str>,
    client: &Client,
) -> Result<(Token, Session), DatabaseError> {
    let transaction = Transaction::begin(pool).await?;
    let result = create_within(&transaction, proof, app, assumed_role, client).await;
    transaction.finish(result).await
}

/// Reads the session of a token, which does not count as use. `clock_app` names the application whose idle time-out counts, when it is another.
pub async fn current(
    pool: &Pool,
    token: &Token,
    clock_app: Option<&str>,
) -> Result<(Identity, Session), DatabaseError> {
    let (transaction, identity) = Transaction::attach_to_look(pool, token).await?;
    let result = transaction
        .query_json(statement::CURRENT_SESSION, &[&clock_app])
        .await;
    transaction
        .finish(result.map(|session| (identity, session)))
        .await
}

/// Whose session a token opens. Does not count as use.
pub async fn look(pool: &Pool, token: &Token) -> Result<Identity, DatabaseError> {
    let (transaction, identity) = Transaction::attach_to_look(pool, token).await?;
    transaction.finish(Ok(identity)).await
}

/// The same; `None` when the token opens no session.
pub async fn identify(pool: &Pool, token: &Token) -> Result<Option<Identity>, DatabaseError> {
    match look(pool, token).await {
        Ok(identity) => Ok(Some(identity)),
        Err(error) if error.is_session_invalid() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Lists the live sessions of the token's user. Does not count as use.
pub async fn list(pool: &Pool, token: &Token) -> Result<(Identity, Vec<SessionSummary>), DatabaseError> {
    let (transaction, identity) = Transaction::attach_to_look(pool, token).await?;
    let result = transaction.query_json(statement::MY_SESSIONS, &[]).await;
    transaction
        .finish(result.map(|sessions| (identity, sessions)))
        .await
}

/// Lists every resource with what the token's session may do with it. Does not count as use.
pub async fn privileges(
    pool: &Pool,
    token: &Token,
) -> Result<(Identity, Vec<ResourcePrivileges>), DatabaseError> {
    let (transaction, identity) = Transaction::attach_to_look(pool, token).await?;
    let result = transaction.query_json(statement::SESSION_PRIVILEGES, &[]).await;
    transaction
        .finish(result.map(|privileges| (identity, privileges)))
        .await
}

/// Creates a session for a user on behalf of whom the token's session acts.
pub async fn create_on_behalf(
    pool: &Pool,
    token: &Token,
    user_name: &str,
    app: Option<&str>,
) -> Result<Token, DatabaseError> {
    let transaction = Transaction::begin(pool).await?;
    let result: Result<String, _> = transaction
        .call(statement::CREATE_SESSION_ON_BEHALF, &[token, &user_name, &app])
        .await;
    transaction.finish(result.map(Token::from)).await
}

/// Ends the session of a token; the same answer for every token.
pub async fn end(pool: &Pool, token: &Token, reason: &str) -> Result<(), DatabaseError> {
    run(pool, statement::END_SESSION, &[token, &reason]).await
}

/// Where a user who logged out is logged in yet.
#[derive(Debug, Deserialize)]
pub struct LoggedOut {
    /// The identity provider.
    pub issuer: String,
    /// The identity token that it wants to be shown.
    pub id_token_hint: Option<Token>,
}

/// Ends the session of a token, and with it those of all applications that the same login at the identity provider opened.
pub async fn log_out(pool: &Pool, token: &Token) -> Result<Option<LoggedOut>, DatabaseError> {
    let transaction = Transaction::begin(pool).await?;
    let result = transaction.query_json(statement::LOG_OUT, &[token]).await;
    transaction.finish(result).await
}

/// Ends the sessions of the login that a logout token of the identity provider names; how many.
pub async fn log_out_from_token(pool: &Pool, logout_token: &Token) -> Result<i64, DatabaseError> {
    let transaction = Transaction::begin(pool).await?;
    let result = transaction
        .call(statement::LOG_OUT_FROM_TOKEN, &[logout_token])
        .await;
    transaction.finish(result).await
}

/// Ends one session of the token's user; false when the user has no such live session.
pub async fn end_own(
    pool: &Pool,
    token: &Token,
    session_id: Uuid,
) -> Result<(Identity, bool), DatabaseError> {
    let (transaction, identity) = Transaction::attach(pool, token).await?;
    let result = transaction.call(statement::END_OWN_SESSION, &[&session_id]).await;
    transaction
        .finish(result.map(|is_ended| (identity, is_ended)))
        .await
}

async fn create_within(
    transaction: &Transaction,
    proof: &Proof,
    app: &str,
    assumed_role: Option<&str>,
    client: &Client,
) -> Result<(Token, Session), DatabaseError> {
    let address = client.address.to_string();
    let token: String = transaction
        .call(
            statement::CREATE_SESSION,
            &[
                &proof.identity_token,
                &app,
                &proof.nonce,
                &address,
                &client.user_agent,
                &assumed_role,
            ],
        )
        .await?;
    let token = Token::from(token);
    transaction
        .query_one(statement::ATTACH_SESSION, &[&token])
        .await?;
    let session = transaction
        .query_json(statement::CURRENT_SESSION, &[&None::<&str>])
        .await?;
    Ok((token, session))
}

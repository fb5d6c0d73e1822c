//! Descriptions of the refusals, shared by the routes.

use utoipa::IntoResponses;

use crate::http::problem::ProblemBody;

/// What every route may answer.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes responses; no value is ever made")]
pub enum Refusal {
    /// The request is malformed, or an argument is out of range.
    #[response(status = 400)]
    Malformed(#[to_schema] ProblemBody<'static>),
    /// The session, ticket, message or identity is not valid.
    #[response(status = 401)]
    Unauthorized(#[to_schema] ProblemBody<'static>),
    /// The address is refused, or a privilege is missing.
    #[response(status = 403)]
    Forbidden(#[to_schema] ProblemBody<'static>),
    /// There is no such thing.
    #[response(status = 404)]
    NotFound(#[to_schema] ProblemBody<'static>),
    /// What is asked for does not fit what is there.
    #[response(status = 409)]
    Conflict(#[to_schema] ProblemBody<'static>),
    /// The request took too long.
    #[response(status = 408)]
    TooSlow(#[to_schema] ProblemBody<'static>),
    /// The body is over the limit.
    #[response(status = 413)]
    TooLarge(#[to_schema] ProblemBody<'static>),
    /// The body has another type than the route takes.
    #[response(status = 415)]
    WrongType(#[to_schema] ProblemBody<'static>),
    /// Nothing answers on this host.
    #[response(status = 421)]
    UnknownHost(#[to_schema] ProblemBody<'static>),
    /// A limit was reached.
    #[response(status = 429)]
    Limited(#[to_schema] ProblemBody<'static>),
    /// The database or the identity provider cannot be reached, or something is broken.
    #[response(status = "5XX")]
    Broken(#[to_schema] ProblemBody<'static>),
}

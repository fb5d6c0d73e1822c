//! `GET /openapi.json`: the description of the service routes, made from the routes themselves.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

use crate::bridge::StartError;
use crate::http::Shared;
use crate::http::no_route::route_not_found;

#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "Session bridge",
    description = "Sessions, tickets, messages and tokens of pg_vpd."
))]
struct Description;

/// Adds the description of described routes, and the refusal of all others.
pub fn describe(routes: OpenApiRouter<Shared>) -> Result<Router<Shared>, StartError> {
    let (routes, paths) = routes.split_for_parts();
    let text = document(paths)
        .to_json()
        .map_err(|error| StartError::Description(error.to_string()))?;
    let answer = move || {
        let text = text.clone();
        async move { ([(CONTENT_TYPE, "application/json")], text) }
    };
    Ok(routes
        .route("/openapi.json", get(answer))
        .fallback(async || route_not_found()))
}

fn document(paths: OpenApi) -> OpenApi {
    let mut document = <Description as utoipa::OpenApi>::openapi();
    document.merge(paths);
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("bearer", bearer);
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{operation, v1, well_known};

    #[test]
    fn every_route_is_described_and_bearer_routes_say_so() {
        let (_, paths) = v1::routes()
            .merge(well_known::routes())
            .merge(operation::routes())
            .split_for_parts();
        let document = serde_json::to_value(document(paths)).unwrap();
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), 18);
        assert_eq!(
            document["components"]["securitySchemes"]["bearer"]["scheme"],
            "bearer"
        );
        let is_open = |method: &str, path: &str| document["paths"][path][method].get("security").is_none();
        assert!(
            is_open("post", "/v1/sessions")
                && is_open("post", "/v1/tickets/redeem")
                && is_open("post", "/v1/token")
                && is_open("post", "/v1/backchannel-logout")
        );
        for (method, path) in [
            ("get", "/v1/sessions"),
            ("get", "/v1/sessions/current/privileges"),
            ("post", "/v1/sessions/on-behalf"),
            ("post", "/v1/tickets"),
            ("delete", "/v1/messages/{id}"),
        ] {
            assert!(!is_open(method, path), "{method} {path}");
        }
        assert!(
            document["components"]["schemas"]["ProblemBody"]["required"]
                .as_array()
                .unwrap()
                .len()
                == 5
        );
    }
}

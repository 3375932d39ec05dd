//! The way in for people: a page that takes a key and keeps it in a cookie of this browser until it is
//! closed.
//!
//! The cookie is the key itself, so nothing has to be remembered here, and taking a line out of the key
//! file locks its browser out. No script can read it, and no other site's page sends it along. The page
//! follows the browser's language, and is switchable: `tongue.rs`.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, LOCATION, ORIGIN, REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::cookies::cookie_named;
use super::key_of;
use super::signin_page::{self, Standing};
use super::tongue::Tongue;
use crate::body::{self, Unread};
use crate::error::{ApiError, ErrorBody};
use crate::extract::Wished;
use crate::shared::Shared;

/// What the cookie is called.
const COOKIE_NAME: &str = "lookdesk_key";
/// The form, which holds one key.
const FORM_BYTES: u64 = 4096;

/// Paths that need no key, for they are the way to bring one.
pub(crate) const OPEN: [&str; 2] = ["/signin", "/plain.css"];

/// What the form sends.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes the form, whose one field is read by hand"
)]
pub(crate) struct SignIn {
    /// The key; empty signs out.
    key: String,
}

/// Which language to show the page in.
#[derive(Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HowToSpeak {
    /// The browser keeps the choice; the desk speaks it too.
    #[param(inline)]
    pub language: Option<Tongue>,
}

/// The key that the browser's cookie holds.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&[u8]> {
    cookie_named(headers, COOKIE_NAME).map(str::as_bytes)
}

/// The page that asks for a key.
#[utoipa::path(
    get,
    path = "/signin",
    operation_id = "show_sign_in",
    params(HowToSpeak),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "Nobody has to sign in here"),
        (status = 400, description = "Not a language", body = ErrorBody),
    )
)]
pub(crate) async fn show(
    State(shared): State<Shared>,
    Wished(wish): Wished<HowToSpeak>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Some(keys) = &shared.keys else {
        return Ok(Redirect::to("/").into_response());
    };
    let standing = match key_of(&keys.keys(), &headers) {
        Ok(_) => Standing::In,
        Err(_) => Standing::Out,
    };
    let tongue = wish.language.unwrap_or_else(|| Tongue::of(&headers));
    let mut response = page(StatusCode::OK, tongue, standing);
    if let Some(chosen) = wish.language {
        let cookie = HeaderValue::from_str(&chosen.cookie()).map_err(|_| ApiError::Internal)?;
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Takes a key and lets the browser in; an empty one signs it out.
#[utoipa::path(
    post,
    path = "/signin",
    operation_id = "sign_in",
    request_body(content = SignIn, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "Signed in, or out"),
        (status = 401, body = String, content_type = "text/html", description = "Not a key"),
    )
)]
pub(crate) async fn take(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = body::read(&headers, body, FORM_BYTES).await;
    let form = form.map_err(|unread| match unread {
        Unread::TooLarge(_) => ApiError::BodyTooLarge { limit: FORM_BYTES },
        Unread::Failed(error) => error,
    })?;
    let Some(keys) = &shared.keys else {
        return Ok(Redirect::to("/").into_response());
    };
    // A key has no character that a form would write differently.
    let mut fields = form.split(|byte| *byte == b'&');
    let key = fields.find_map(|field| field.strip_prefix(b"key="));
    let key = key
        .and_then(|key| std::str::from_utf8(key).ok())
        .unwrap_or_default();
    if key.is_empty() {
        return left(
            "/signin",
            &format!("{}; Max-Age=0", cookie_text("", &headers)),
        );
    }
    if keys.keys().find(key.as_bytes()).is_none() {
        let tongue = Tongue::of(&headers);
        return Ok(page(StatusCode::UNAUTHORIZED, tongue, Standing::Wrong));
    }
    left("/", &cookie_text(key, &headers))
}

fn left(place: &'static str, cookie: &str) -> Result<Response, ApiError> {
    let cookie = HeaderValue::from_str(cookie).map_err(|_| ApiError::Internal)?;
    let headers = [
        (LOCATION, HeaderValue::from_static(place)),
        (SET_COOKIE, cookie),
    ];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

/// A cookie for this browser session; over HTTPS it never travels without.
fn cookie_text(key: &str, headers: &HeaderMap) -> String {
    let origin = headers.get(ORIGIN).map(HeaderValue::as_bytes);
    let secure = match origin.is_some_and(|origin| origin.starts_with(b"https://")) {
        true => "; Secure",
        false => "",
    };
    format!("{COOKIE_NAME}={key}; Path=/; HttpOnly; SameSite=Strict{secure}")
}

fn page(status: StatusCode, tongue: Tongue, standing: Standing) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        // Where a page tells nobody who it is, browsers send its forms as if from nowhere.
        (REFERRER_POLICY, "same-origin"),
    ];
    (status, headers, signin_page::page(tongue, standing)).into_response()
}

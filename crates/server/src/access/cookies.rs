//! The cookies a request brings.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

/// The value of one cookie, where it is not empty.
pub(super) fn cookie_named<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lists = headers.get_all(COOKIE).iter();
    let mut cookies = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(';'));
    let value = cookies.find_map(|cookie| {
        let (found, value) = cookie.trim().split_once('=')?;
        (found == name).then_some(value)
    });
    value.filter(|value| !value.is_empty())
}

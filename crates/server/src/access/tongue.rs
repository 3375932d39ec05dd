//! Which language a person is shown a page in that the server itself writes: the one chosen here or on the
//! desk, which the browser keeps in a cookie; else the first of the browser's that we speak.
//!
//! The desk reads and writes the same cookie: `web/src/i18n/language.svelte.ts`.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cookies::cookie_named;

/// What the cookie is called. It holds no secret; scripts of the desk read it.
const COOKIE_NAME: &str = "lookdesk_language";
/// A year.
const KEPT_SECONDS: u32 = 365 * 24 * 60 * 60;

/// A language the desk speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tongue {
    En,
    Zh,
}

impl Tongue {
    /// What was chosen before, else what the browser asks for.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let chosen = cookie_named(headers, COOKIE_NAME).and_then(Self::coded);
        chosen.unwrap_or_else(|| {
            let accepted = headers.get(ACCEPT_LANGUAGE);
            let accepted = accepted.and_then(|list| list.to_str().ok());
            Self::accepted(accepted.unwrap_or_default())
        })
    }

    /// The language a browser wants most of those we speak. Source: RFC 9110, 12.5.4.
    fn accepted(list: &str) -> Self {
        let mut best = (Self::En, 0.0);
        for wish in list.split(',') {
            let mut parts = wish.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let primary = tag.split('-').next().unwrap_or_default();
            let Some(tongue) = Self::coded(&primary.to_ascii_lowercase()) else {
                continue;
            };
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            let weight: f32 = weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
            // Of two wanted alike the first counts.
            if weight > best.1 {
                best = (tongue, weight);
            }
        }
        best.0
    }

    /// The language of this code.
    fn coded(code: &str) -> Option<Self> {
        [Self::En, Self::Zh]
            .into_iter()
            .find(|tongue| tongue.code() == code)
    }

    /// For `lang` and addresses.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// Keeps the choice in this browser.
    pub(super) fn cookie(self) -> String {
        let code = self.code();
        format!("{COOKIE_NAME}={code}; Path=/; Max-Age={KEPT_SECONDS}; SameSite=Lax")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use axum::http::header::COOKIE;

    #[test]
    fn a_browser_gets_the_language_it_wants_most_of_those_we_speak() {
        for (list, expected) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Tongue::Zh),
            ("en-GB, en; q=0.9, zh; q=0.8", Tongue::En),
            ("de, zh;q=0.5, en;q=0.4", Tongue::Zh),
            ("en;q=0.2, ZH-Hant-TW;q=0.7", Tongue::Zh),
            ("zh;q=0, en;q=0.1", Tongue::En),
            ("de, fr", Tongue::En),
            ("", Tongue::En),
            ("zh;q=nonsense, en", Tongue::En),
            ("zh;q=NaN", Tongue::En),
        ] {
            assert_eq!(Tongue::accepted(list), expected, "{list}");
        }
    }

    #[test]
    fn what_was_chosen_counts_more_than_what_the_browser_asks_for() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("en"));
        headers.insert(
            COOKIE,
            HeaderValue::from_static("a=b; lookdesk_language=zh"),
        );
        assert_eq!(Tongue::of(&headers), Tongue::Zh);
        headers.insert(COOKIE, HeaderValue::from_static("lookdesk_language=xx"));
        assert_eq!(Tongue::of(&headers), Tongue::En);
    }
}

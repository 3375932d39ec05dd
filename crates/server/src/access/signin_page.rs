//! The page that asks for a key, in the language of whoever reads it. It works without scripts.

use super::tongue::Tongue;

const PAGE: &str = include_str!("signin.html");

/// What is said in the places the page has for words.
const ENGLISH: [(&str, &str); 9] = [
    ("lang", "en"),
    ("wrong", "This desk does not know that key."),
    ("key", "Your key"),
    ("sign_in", "Sign in"),
    ("ask", "Ask whoever runs this desk for a key."),
    ("signed_in", "You are signed in."),
    ("to_desk", "To the desk"),
    ("sign_out", "Sign out"),
    (
        "other",
        "<a href=\"/signin?language=zh\" lang=\"zh-CN\" hreflang=\"zh-CN\">中文</a>",
    ),
];
const CHINESE: [(&str, &str); 9] = [
    ("lang", "zh-CN"),
    ("wrong", "此密钥无效，请核对后重试。"),
    ("key", "密钥"),
    ("sign_in", "登录"),
    ("ask", "密钥请向管理员索取。"),
    ("signed_in", "您已登录。"),
    ("to_desk", "前往首页"),
    ("sign_out", "退出登录"),
    (
        "other",
        "<a href=\"/signin?language=en\" lang=\"en\" hreflang=\"en\">English</a>",
    ),
];

/// How whoever looks stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    In,
    Out,
    /// The key that was sent is none.
    Wrong,
}

/// The page.
pub(super) fn page(tongue: Tongue, standing: Standing) -> String {
    let words = match tongue {
        Tongue::En => ENGLISH,
        Tongue::Zh => CHINESE,
    };
    let state = match standing {
        Standing::In => "in",
        Standing::Out => "out",
        Standing::Wrong => "wrong",
    };
    let stated = PAGE.replace("{state}", state);
    words.iter().fold(stated, |page, (place, words)| {
        page.replace(&format!("{{{place}}}"), words)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_for_words_is_filled_in_one_language_only() {
        let english = page(Tongue::En, Standing::Wrong);
        let chinese = page(Tongue::Zh, Standing::Wrong);
        for page in [&english, &chinese] {
            assert!(!page.contains(['{', '}']), "{page}");
        }
        let is_chinese = |sign: char| ('\u{4e00}'..='\u{9fff}').contains(&sign);
        // But for the way to the other one.
        assert!(!english.replace("中文", "").contains(is_chinese));
        assert!(!chinese.contains("key</label>") && !chinese.contains("Sign"));
        assert_eq!(
            ENGLISH.map(|(place, _)| place),
            CHINESE.map(|(place, _)| place)
        );
    }
}

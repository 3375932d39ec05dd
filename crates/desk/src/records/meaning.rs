//! Which questions mean the same: a question becomes a set of weighted words, and two questions are
//! as alike as the angle between their sets is small.
//!
//! Chinese is segmented by jieba. What differs from customer to customer (codes, numbers, model
//! names) counts as one and the same word, so that `E102 是什么意思` and `E104 是什么意思` are one
//! question. Single characters of Chinese words count a little, because 指示灯 and 灯 are related.

use std::collections::HashMap;
use std::sync::LazyLock;

use jieba_rs::Jieba;

use super::cut;

/// Questions at least so alike mean the same. Chosen on the questions of the test below.
pub const ALIKE: f32 = 0.55;

/// How much kinds of words count.
const WORD: f32 = 1.0;
const CHARACTER: f32 = 0.5;
const CODE: f32 = 0.7;
/// The one word that all codes and numbers are.
const ANY_CODE: &str = "#";
/// Longer questions are told by their beginning.
const CHARACTERS: usize = 2000;

/// Characters that say how somebody asks, not what about. A word of nothing else is empty.
const EMPTY_CHARACTERS: &str = "的了吗呢吧啊呀嘛是在有没和与也都就请问你您好这那哪我它他她们个台张能会要想一\
    着被把对从给用得地什么怎样如何几啥谁为多少久长吗里上中看帮忙谢告诉知道到底";
/// Words that tell nothing apart: fillers, and what every question here is about.
const EMPTY_WORDS: &[&str] = &[
    "一下", "图片", "照片", "麻烦", "可以", "意思", "回事", "时候", "时间", "哪天", "一天", "机器",
    "设备", "产品", "东西", "屏幕", "上面", "显示", "写", "叫", "办", "a", "an", "the", "is",
    "are", "was", "be", "do", "doe", "does", "did", "it", "its", "this", "that", "these", "those",
    "my", "me", "i", "you", "your", "we", "our", "of", "on", "in", "at", "to", "for", "with",
    "and", "or", "please", "hi", "hello", "can", "could", "would", "will", "tell", "show", "know",
    "what", "which", "how", "why", "where", "when", "there", "here", "picture", "photo", "image",
    "see", "thank", "thanks", "hey", "from", "by", "s", "t", "mean", "say", "thing", "device",
    "product", "machine", "screen",
];
/// Words for the same thing.
const SAME_WORDS: &[(&str, &str)] = &[
    ("错误代码", "错误码"),
    ("故障代码", "错误码"),
    ("故障码", "错误码"),
    ("报错码", "错误码"),
    ("指示灯", "灯"),
    ("信号灯", "灯"),
    ("无法", "不"),
    ("不能", "不"),
];

static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);
static EMPTY: LazyLock<std::collections::HashSet<&str>> =
    LazyLock::new(|| EMPTY_WORDS.iter().copied().collect());

/// Loads the dictionary now rather than with the first question. Takes about a third of a second.
pub fn warm() {
    LazyLock::force(&JIEBA);
}

/// What a question is about; its length is 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meaning {
    words: HashMap<Box<str>, f32>,
}

impl Meaning {
    /// What a question is about, as far as words tell.
    pub fn of(question: &str) -> Self {
        let beginning: String = question.chars().take(CHARACTERS).collect();
        let mut folded = cut::folded(&beginning);
        for (word, same) in SAME_WORDS {
            folded = folded.replace(word, same);
        }
        let mut words: HashMap<Box<str>, f32> = HashMap::new();
        let mut add = |word: &str, weight: f32| {
            if !is_empty(word) {
                let known = words.entry(word.into()).or_default();
                *known = known.max(weight);
            }
        };
        for run in runs(&folded) {
            match run {
                Run::Code => add(ANY_CODE, CODE),
                Run::Word(word) if is_empty(word) => {}
                Run::Word(word) => add(stem(word), WORD),
                Run::Segment(text) => {
                    // Guessed words, such as 灯亮了, would hide the ones that are known.
                    for token in JIEBA.cut(text, false) {
                        add(token.word, WORD);
                        let is_compound = token.word.chars().nth(1).is_some();
                        if is_compound && !is_empty(token.word) {
                            for character in token.word.chars() {
                                add(character.encode_utf8(&mut [0; 4]), CHARACTER);
                            }
                        }
                    }
                }
            }
        }
        // What is asked only in empty words is about nothing.
        let length = words
            .values()
            .map(|weight| weight * weight)
            .sum::<f32>()
            .sqrt();
        if length > 0.0 {
            words.values_mut().for_each(|weight| *weight /= length);
        }
        Self { words }
    }

    /// Whether there is anything to compare.
    pub fn is_empty(&self) -> bool {
        self.words.keys().all(|word| &**word == ANY_CODE)
    }
}

fn is_empty(word: &str) -> bool {
    EMPTY.contains(word)
        || word
            .chars()
            .all(|character| EMPTY_CHARACTERS.contains(character))
}

enum Run<'a> {
    /// With a digit in it.
    Code,
    /// Letters of a script that writes words apart.
    Word(&'a str),
    /// A script that does not.
    Segment(&'a str),
}

/// Cuts folded text where the script changes or something stands that is no letter.
fn runs(text: &str) -> Vec<Run<'_>> {
    #[derive(PartialEq)]
    enum Kind {
        Apart,
        Joined,
        Nothing,
    }
    let kind_of = |character: char| match character {
        'a'..='z' | '0'..='9' | '-' | '.' | '\'' => Kind::Apart,
        _ if !character.is_alphanumeric() => Kind::Nothing,
        _ if u32::from(character) < 0x0e00 => Kind::Apart,
        _ => Kind::Joined,
    };
    let mut runs = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let kind = kind_of(first);
        let end = rest.find(|next| kind_of(next) != kind);
        let (run, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        match kind {
            Kind::Nothing => {}
            Kind::Joined => runs.push(Run::Segment(run)),
            Kind::Apart if run.chars().any(|character| character.is_numeric()) => {
                runs.push(Run::Code);
            }
            Kind::Apart => {
                let words = run.split(['-', '.', '\'']).filter(|word| !word.is_empty());
                runs.extend(words.map(Run::Word));
            }
        }
    }
    runs
}

/// English words without the endings that tell nothing here.
fn stem(word: &str) -> &str {
    let long = |stem: &&str| stem.chars().count() >= 3;
    let cut = ["ing", "ed", "es", "s"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending).filter(long));
    cut.unwrap_or(word)
}

/// Groups of questions and the words they are known by.
#[derive(Debug, Default)]
pub struct Index {
    /// Which groups have a word, and how much it counts there.
    by_word: HashMap<Box<str>, Vec<(i64, f32)>>,
}

impl Index {
    /// Adds a group, known by one of its questions.
    pub fn add(&mut self, group: i64, meaning: &Meaning) {
        for (word, weight) in &meaning.words {
            self.by_word
                .entry(word.clone())
                .or_default()
                .push((group, *weight));
        }
    }

    /// Forgets a group.
    pub fn remove(&mut self, group: i64, meaning: &Meaning) {
        for word in meaning.words.keys() {
            if let Some(groups) = self.by_word.get_mut(word) {
                groups.retain(|(other, _)| *other != group);
                if groups.is_empty() {
                    self.by_word.remove(word);
                }
            }
        }
    }

    /// The group that means the same: the most alike, the oldest where two are.
    pub fn find(&self, meaning: &Meaning) -> Option<i64> {
        let mut alike: HashMap<i64, f32> = HashMap::new();
        for (word, weight) in &meaning.words {
            for (group, other) in self.by_word.get(word).into_iter().flatten() {
                *alike.entry(*group).or_default() += weight * other;
            }
        }
        let enough = alike.into_iter().filter(|(_, alike)| *alike >= ALIKE);
        let best =
            enough.max_by(|(a, alike_a), (b, alike_b)| alike_a.total_cmp(alike_b).then(b.cmp(a)));
        best.map(|(group, _)| group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Questions in groups, as a support team would sort them.
    const ASKED: &[&[&str]] = &[
        &[
            "屏幕上的错误码是什么？",
            "请问这个错误码是多少",
            "错误代码 E102 是什么意思？",
            "E104 错误码是什么意思",
            "错误码是什么？",
        ],
        &[
            "路由器的 WAN 灯亮了吗？",
            "WAN灯有没有亮",
            "WAN 指示灯亮不亮？",
        ],
        &[
            "这台机器的型号是什么？",
            "请问型号是多少？",
            "帮我看一下设备型号",
        ],
        &[
            "生产日期是哪一天？",
            "请告诉我生产日期",
            "这个产品的生产日期是什么时候",
        ],
        &[
            "怎么恢复出厂设置？",
            "如何恢复出厂设置",
            "恢复出厂设置的按钮在哪里",
        ],
        &[
            "What is the model number?",
            "which model number is this",
            "Model number please",
        ],
        &[
            "What does error E5 mean?",
            "error code E102 meaning",
            "what is the meaning of error E7",
        ],
        &[
            "Is the WAN light on?",
            "WAN light on?",
            "which light is the WAN light",
        ],
        &[
            "电饭煲不加热怎么办？",
            "电饭煲不加热",
            "为什么电饭煲不加热了",
        ],
        &["保修期到什么时候？", "保修期是多久", "请问保修期多长"],
    ];

    #[test]
    fn questions_that_mean_the_same_meet_and_others_do_not() {
        let mut index = Index::default();
        let mut groups = 0;
        let mut placed: Vec<(usize, i64, &str)> = Vec::new();
        // One of each group at a time, as questions come in life.
        for at in 0..5 {
            for (meant, questions) in ASKED.iter().enumerate() {
                let Some(question) = questions.get(at) else {
                    continue;
                };
                let meaning = Meaning::of(question);
                let group = index.find(&meaning).unwrap_or_else(|| {
                    groups += 1;
                    index.add(groups, &meaning);
                    groups
                });
                placed.push((meant, group, question));
            }
        }
        let mut wrong = 0;
        let mut missed = 0;
        for (at, (meant, group, question)) in placed.iter().enumerate() {
            for (other_meant, other_group, other) in placed.iter().skip(at + 1) {
                if group == other_group && meant != other_meant {
                    eprintln!("wrongly together: {question} | {other}");
                    wrong += 1;
                }
                if group != other_group && meant == other_meant {
                    eprintln!("apart: {question} | {other}");
                    missed += 1;
                }
            }
        }
        assert_eq!(wrong, 0);
        assert!(missed <= 2, "{missed} pairs apart");
    }

    #[test]
    fn questions_about_nothing_have_no_group() {
        for question in [
            "",
            "？？",
            "这是什么",
            "你好",
            "E102",
            "what is this?",
            "12345",
        ] {
            assert!(Meaning::of(question).is_empty(), "{question}");
        }
    }

    #[test]
    fn a_group_forgotten_is_found_no_more() {
        let mut index = Index::default();
        let meaning = Meaning::of("保修期是多久");
        index.add(1, &meaning);
        assert_eq!(index.find(&meaning), Some(1));
        index.remove(1, &meaning);
        assert_eq!(index.find(&meaning), None);
        assert!(index.by_word.is_empty());
    }
}

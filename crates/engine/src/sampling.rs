//! How a token is drawn from the model's logits: the settings, their bounds, and what comes out.
//!
//! It knows nothing of words or of the model: logits in, a token id out. The order of the steps
//! (repetition penalty, presence penalty, temperature, top-k, top-p, softmax) is that of the
//! transformers library; `presence_penalty` is not there and has the meaning servers give it.
//! Golden: `golden/tiny-*/sampling.{json,safetensors}`.

mod likeliest;
mod log_softmax;
mod penalties;
mod said;
mod sampler;
mod select;

pub(crate) use said::{Row, Said};
pub use sampler::{Candidate, FORBIDDEN, LogitsError, Sampled, Sampler};

use serde::{Deserialize, Serialize};

/// How tokens are drawn. The defaults suit reading pictures: close to the likeliest words.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampling {
    /// 0 always takes the likeliest token; higher values make unlikely ones more frequent. 0 to 2.
    pub temperature: f32,
    /// Draw only from the likeliest tokens that together reach this probability. 0 to 1; 1 is off.
    pub top_p: f32,
    /// Draw only from this many likeliest tokens; those equal to the last one stay too. 0 is off.
    pub top_k: usize,
    /// Taken once from the logit of every token that was generated before. -2 to 2; 0 is off.
    pub presence_penalty: f32,
    /// Weakens every token of the prompt and of the answer so far. 0.1 to 10; 1 is off.
    /// Spoils tables and serial numbers, where repeating is right.
    pub repetition_penalty: f32,
    /// The same seed, settings and logits give the same tokens. Without one, a fresh one is taken.
    pub seed: Option<u64>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.25,
            top_p: 0.8,
            top_k: 20,
            presence_penalty: 0.0,
            repetition_penalty: 1.0,
            seed: None,
        }
    }
}

/// A setting outside the range in which it means something.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{setting} is {value}; it must be between {least} and {most}")]
pub struct SamplingError {
    /// Name of the setting, as in `Sampling`.
    pub setting: &'static str,
    /// What was asked for.
    pub value: f32,
    /// Smallest value allowed.
    pub least: f32,
    /// Largest value allowed.
    pub most: f32,
}

impl Sampling {
    /// Refuses settings out of range (NaN included); run before anything is computed.
    pub fn validate(&self) -> Result<(), SamplingError> {
        let bounds = [
            ("temperature", self.temperature, 0.0, 2.0),
            ("top_p", self.top_p, 0.0, 1.0),
            ("presence_penalty", self.presence_penalty, -2.0, 2.0),
            ("repetition_penalty", self.repetition_penalty, 0.1, 10.0),
        ];
        for (setting, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Err(SamplingError {
                    setting,
                    value,
                    least,
                    most,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(Sampling::default().validate(), Ok(()));
    }

    #[test]
    fn a_setting_out_of_range_is_refused_by_name() {
        let base = Sampling::default();
        for (bad, name) in [
            (
                Sampling {
                    temperature: -0.1,
                    ..base
                },
                "temperature",
            ),
            (
                Sampling {
                    temperature: f32::NAN,
                    ..base
                },
                "temperature",
            ),
            (
                Sampling {
                    temperature: f32::INFINITY,
                    ..base
                },
                "temperature",
            ),
            (
                Sampling {
                    top_p: 1.01,
                    ..base
                },
                "top_p",
            ),
            (
                Sampling {
                    presence_penalty: 2.5,
                    ..base
                },
                "presence_penalty",
            ),
            (
                Sampling {
                    repetition_penalty: 0.0,
                    ..base
                },
                "repetition_penalty",
            ),
        ] {
            let error = bad.validate().expect_err("out of range");
            assert_eq!(error.setting, name);
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn the_ends_of_the_ranges_are_allowed() {
        let base = Sampling::default();
        for good in [
            Sampling {
                temperature: 0.0,
                top_p: 0.0,
                presence_penalty: -2.0,
                ..base
            },
            Sampling {
                temperature: 2.0,
                top_p: 1.0,
                presence_penalty: 2.0,
                ..base
            },
            Sampling {
                repetition_penalty: 0.1,
                ..base
            },
            Sampling {
                repetition_penalty: 10.0,
                ..base
            },
        ] {
            assert_eq!(good.validate(), Ok(()));
        }
    }
}

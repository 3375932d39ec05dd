use proptest::prelude::*;

use super::*;

const GIB: u64 = 1 << 30;
/// What a desktop's driver and screen have taken of a card before anybody computes.
const DESKTOP: u64 = 600 << 20;
/// A picture of a megapixel with its question and answer.
const QUESTION: usize = 1024 + 512;

fn steps() -> Steps {
    Steps {
        rows: 512,
        logits: 32,
        page_tokens: 32,
        patches: 1280 * 4,
    }
}

fn wish(config: &Config) -> Wish<'_> {
    Wish {
        config,
        stored_wide: false,
        precision: None,
        context_tokens: None,
        cache_tokens: None,
        steps: steps(),
        cpu_bytes: 24 * GIB,
    }
}

fn cards(sizes: &[u64]) -> Vec<Gpu> {
    let cards = sizes.iter().zip(0..);
    cards
        .map(|(&bytes, ordinal)| Gpu {
            ordinal,
            name: format!("card {ordinal}"),
            bytes,
        })
        .collect()
}

fn gib(sizes: &[u64]) -> Vec<Gpu> {
    let sizes: Vec<u64> = sizes.iter().map(|size| size * GIB - DESKTOP).collect();
    cards(&sizes)
}

fn whole(placement: &Placement) -> bool {
    placement.shares.iter().all(|share| share.gpu.is_some())
}

#[test]
fn twelve_gigabytes_hold_the_4b_model_as_released_and_two_questions_at_once() {
    let config = Config::qwen3_vl_4b();
    let placement = plan(&gib(&[12]), &wish(&config)).expect("a placement");
    assert_eq!(placement.precision, Precision::Bf16);
    assert!(whole(&placement));
    assert_eq!(placement.shares.len(), 1);
    assert!(placement.pages * 32 >= 2 * QUESTION, "{placement:?}");
    assert!(placement.context_tokens >= QUESTION);
    let weights = placement.shares[0].bytes.weights as f64 / 1e9;
    assert!((8.8..9.3).contains(&weights), "{weights} GB of weights");
}

#[test]
fn eight_gigabytes_hold_it_in_eight_bits() {
    let config = Config::qwen3_vl_4b();
    let placement = plan(&gib(&[8]), &wish(&config)).expect("a placement");
    assert_eq!(placement.precision, Precision::Q8);
    assert!(whole(&placement) && placement.pages * 32 >= 2 * QUESTION);
}

#[test]
fn six_gigabytes_hold_it_in_four_bits() {
    let config = Config::qwen3_vl_4b();
    let placement = plan(&gib(&[6]), &wish(&config)).expect("a placement");
    assert_eq!(placement.precision, Precision::Q4);
    assert!(whole(&placement) && placement.pages * 32 >= 2 * QUESTION);
}

/// The table of the README.
#[test]
fn each_card_takes_each_model_in_the_precision_that_the_readme_names() {
    use Precision::{Bf16, Q4, Q8};
    let models = [
        Config::qwen3_vl_2b(),
        Config::qwen3_vl_4b(),
        Config::qwen3_vl_8b(),
    ];
    let table = [
        (6, [(Bf16, true), (Q4, true), (Q4, false)]),
        (8, [(Bf16, true), (Q8, true), (Q4, false)]),
        (12, [(Bf16, true), (Bf16, true), (Q8, true)]),
        (24, [(Bf16, true), (Bf16, true), (Bf16, true)]),
    ];
    let found = table.map(|(memory, _)| {
        let row = models.each_ref().map(|config| {
            let placement = plan(&gib(&[memory]), &wish(config)).expect("a placement");
            (placement.precision, whole(&placement))
        });
        (memory, row)
    });
    assert_eq!(found, table);
}

#[test]
fn two_cards_share_a_model_that_is_too_large_for_one() {
    let config = Config::qwen3_vl_8b();
    let placement = plan(&gib(&[12, 12]), &wish(&config)).expect("a placement");
    assert_eq!(placement.precision, Precision::Bf16);
    assert!(whole(&placement) && placement.shares.len() == 2);
    let alone = plan(&gib(&[12]), &wish(&config)).expect("a placement");
    assert_eq!(alone.precision, Precision::Q8);
}

#[test]
fn a_model_that_one_card_holds_amply_is_not_spread() {
    let config = Config::qwen3_vl_4b();
    let placement = plan(&gib(&[24, 24]), &wish(&config)).expect("a placement");
    assert_eq!(placement.shares.len(), 1);
    assert_eq!(placement.context_tokens, 16_384);
}

#[test]
fn where_a_card_is_too_small_the_processor_takes_the_last_layers() {
    let config = Config::qwen3_vl_8b();
    let placement = plan(&gib(&[6]), &wish(&config)).expect("a placement");
    assert_eq!(placement.precision, Precision::Q4);
    let [card, processor] = placement.shares.as_slice() else {
        panic!("{placement:?}");
    };
    assert!(card.vision && card.layers.start == 0 && processor.gpu.is_none());
    assert!(!processor.layers.is_empty() && card.layers.len() > processor.layers.len());
    let route = placement.route();
    assert_eq!((route.weight)("model.visual.blocks.3.attn.proj.weight"), 0);
    assert_eq!(
        (route.weight)("model.language_model.layers.0.mlp.up_proj.weight"),
        0
    );
    assert_eq!(
        (route.weight)("model.language_model.layers.35.mlp.up_proj.weight"),
        1
    );
    assert_eq!((route.layer)(35), 1);
}

#[test]
fn a_card_too_small_for_a_quarter_of_the_layers_is_left_alone() {
    let config = Config::qwen3_vl_32b();
    assert_eq!(plan(&gib(&[6]), &wish(&config)), None);
    assert_eq!(plan(&[], &wish(&config)), None);
}

#[test]
fn a_precision_that_was_asked_for_is_kept_and_the_rest_goes_to_the_processor() {
    let config = Config::qwen3_vl_4b();
    let asked = Wish {
        precision: Some(Precision::Bf16),
        ..wish(&config)
    };
    let placement = plan(&gib(&[8]), &asked).expect("a placement");
    assert_eq!(placement.precision, Precision::Bf16);
    assert!(!whole(&placement));
    let alone = Wish {
        cpu_bytes: 0,
        ..asked
    };
    assert_eq!(plan(&gib(&[8]), &alone), None);
}

#[test]
fn a_context_that_was_asked_for_is_had_or_refused() {
    let config = Config::qwen3_vl_4b();
    let asked = Wish {
        context_tokens: Some(32_768),
        ..wish(&config)
    };
    let placement = plan(&gib(&[16]), &asked).expect("a placement");
    assert_eq!(placement.context_tokens, 32_768);
    assert!(placement.pages * 32 >= 32_768);
}

#[test]
fn the_table_says_who_has_what() {
    let config = Config::qwen3_vl_8b();
    let placement = plan(&gib(&[6]), &wish(&config)).expect("a placement");
    let table = placement.table("the processor");
    assert!(
        table.contains("card 0") && table.contains("reads pictures") && table.contains("of 36"),
        "{table}"
    );
    assert_eq!(placement.devices("CPU"), "card 0 + CPU");
}

fn any_config() -> impl Strategy<Value = Config> {
    prop_oneof![
        Just(Config::qwen3_vl_2b()),
        Just(Config::qwen3_vl_4b()),
        Just(Config::qwen3_vl_8b()),
        Just(Config::qwen3_vl_32b()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_device_is_filled_beyond_its_bound_and_every_layer_lies_once(
        config in any_config(),
        sizes in proptest::collection::vec(1u64..40_000, 0..4),
        cpu in 0u64..64_000,
    ) {
        let gpus = cards(&sizes.iter().map(|size| size << 20).collect::<Vec<_>>());
        let wish = Wish { cpu_bytes: cpu << 20, ..wish(&config) };
        let Some(placement) = plan(&gpus, &wish) else {
            return Ok(());
        };
        let mut next = 0;
        for share in &placement.shares {
            prop_assert_eq!(share.layers.start, next);
            next = share.layers.end;
            let bound = share.gpu.as_ref().map_or(wish.cpu_bytes, |gpu| gpu.bytes);
            prop_assert!(share.bytes.total() <= bound, "{:?}", share);
        }
        prop_assert_eq!(next, config.text.num_hidden_layers);
        prop_assert_eq!(placement.shares.iter().filter(|share| share.vision).count(), 1);
        prop_assert_eq!(placement.shares.iter().filter(|share| share.ends).count(), 1);
        prop_assert!(placement.context_tokens <= placement.pages * 32);
    }

    #[test]
    fn more_memory_never_gives_a_worse_placement(
        config in any_config(),
        sizes in proptest::collection::vec((1u64..40_000, 0u64..10_000), 1..4),
        cpu in 0u64..64_000,
        more_cpu in 0u64..8_000,
    ) {
        let less = cards(&sizes.iter().map(|(size, _)| size << 20).collect::<Vec<_>>());
        let more = cards(&sizes.iter().map(|(size, more)| (size + more) << 20).collect::<Vec<_>>());
        let less = plan(&less, &Wish { cpu_bytes: cpu << 20, ..wish(&config) });
        let more = plan(&more, &Wish { cpu_bytes: (cpu + more_cpu) << 20, ..wish(&config) });
        let rank = |placement: &Option<Placement>| placement.as_ref().map(|p| p.rank(32));
        prop_assert!(rank(&more) >= rank(&less), "{less:?} became {more:?}");
    }
}

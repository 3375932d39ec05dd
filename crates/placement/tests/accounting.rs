//! A small model on an emulated GPU takes what its placement said, by the device's own account.

use std::path::Path;
use std::sync::Arc;

use cuda::{Cuda, CudaOptions};
use cuda_emulator::Emulator;
use formats::Checkpoint;
use model::config::Config;
use model::picture::{Grid, Patches};
use model::qwen3_vl::Qwen3Vl;
use model::text::{PicturePlacement, TextRows, TextWorkspace};
use model::vision::VisionWorkspace;
use ops::backend::{Backend, KvShape};
use ops::step::Sequence;
use placement::{Gpu, Placement, Precision, Steps, Wish, plan};

const MEMORY: u64 = 1 << 30;
const STEPS: Steps = Steps {
    rows: 40,
    logits: 3,
    page_tokens: 16,
    patches: 96,
};

fn placed(config: &Config, precision: Precision) -> Placement {
    let gpu = Gpu {
        ordinal: 0,
        name: "emulated".to_owned(),
        bytes: MEMORY,
    };
    let wish = Wish {
        config,
        stored_wide: false,
        precision: Some(precision),
        context_tokens: Some(64),
        cache_tokens: Some(256),
        steps: STEPS,
        cpu_bytes: 0,
    };
    plan(&[gpu], &wish).expect("a small model fits")
}

fn patches(config: &Config) -> Patches {
    let grid = Grid {
        height: 8,
        width: 12,
    };
    Patches {
        grid,
        values: vec![0.25; grid.patches() * config.vision.patch_values()],
        digest: [0; 32],
    }
}

/// Everything the engine makes, with a picture and a whole step.
fn run(cuda: &Cuda, checkpoint: &Checkpoint, config: &Config, pages: usize) {
    let model = Qwen3Vl::load(cuda, config.clone(), checkpoint, &mut |_| {}).expect("weights");
    let text = &config.text;
    let mut vision = VisionWorkspace::new(cuda, &config.vision, STEPS.patches).expect("room");
    let mut workspace =
        TextWorkspace::new(cuda, text, STEPS.rows, STEPS.logits, STEPS.page_tokens).expect("room");
    let shape = KvShape {
        layers: text.num_hidden_layers,
        kv_heads: text.num_key_value_heads,
        head_dim: text.head_dim,
        pages,
        page_tokens: STEPS.page_tokens,
    };
    let mut cache = cuda.kv_cache(shape).expect("room");
    let features = model
        .vision
        .encode(cuda, &patches(config), &mut vision, &mut ())
        .expect("features");
    let ids = vec![1; STEPS.rows];
    let positions: Vec<[u32; 3]> = (0..STEPS.rows as u32).map(|at| [at; 3]).collect();
    let rows = TextRows {
        ids: &ids,
        positions: &positions,
        sequences: &[Sequence {
            rows: 0..STEPS.rows,
            context: 0,
            pages: (0..pages as u32).collect(),
        }],
        pictures: &[PicturePlacement {
            features: &features,
            rows: 2..2 + features.tokens,
            first_token: 0,
        }],
        logits: &[5, 6, 39],
    };
    let logits = model
        .text
        .forward(cuda, &rows, &mut cache, &mut workspace, &mut ())
        .expect("logits");
    assert!(logits.iter().all(|logit| logit.is_finite()));
}

#[test]
fn a_model_takes_no_more_than_its_placement_says() {
    for (checkpoint, precision) in [
        ("tiny-a", Precision::F32),
        ("tiny-b", Precision::F32),
        ("tiny-b", Precision::Bf16),
        ("tiny-b", Precision::Q8),
        ("tiny-b", Precision::Q4),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden/checkpoints");
        let checkpoint = Checkpoint::open(&folder.join(checkpoint)).expect("a checkpoint");
        let config = Config::of(&checkpoint).expect("a config");
        let placement = placed(&config, precision);
        let bytes = placement.shares[0].bytes;
        let cuda = Cuda::new(
            Arc::new(Emulator::new(MEMORY)),
            CudaOptions {
                precision,
                memory: MEMORY,
            },
        );
        run(&cuda, &checkpoint, &config, placement.pages);
        let peak = cuda.usage().peak;
        assert!(
            peak <= bytes.total(),
            "{precision:?}: {peak} bytes taken, {} planned",
            bytes.total()
        );
        // What was counted is what was taken, and not the reserve alone: small models would hide in it.
        let counted = bytes.weights + bytes.cache + bytes.activations;
        assert!(
            peak <= counted + WORKSPACE,
            "{precision:?}: {peak} bytes taken, {counted} counted"
        );
    }
}

/// What ops share as working memory comes out of the reserve.
const WORKSPACE: u64 = 2 << 20;

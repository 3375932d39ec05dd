use std::path::Path;

use formats::Checkpoint;
use model::config::Config;
use model::observe::Stage;
use ops::reference::Reference;

use super::*;

/// What was computed, in order.
#[derive(Default)]
struct Seen(Vec<Stage>);

impl<B: Backend> Observer<B> for Seen {
    fn observe(&mut self, _: &B, name: Stage, _: &B::Tensor) {
        self.0.push(name);
    }
}

#[test]
fn warming_up_goes_through_every_block_of_both_towers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden/checkpoints/tiny-a");
    let checkpoint = Checkpoint::open(&path).expect("a golden checkpoint");
    let config = Config::of(&checkpoint).expect("a configuration");
    let (blocks, layers) = (config.vision.depth, config.text.num_hidden_layers);
    let backend = Arc::new(Reference);
    let model = Qwen3Vl::load(&*backend, config, &checkpoint, &mut |_| {}).expect("weights");
    let room = Room {
        pages: 1,
        patches: 64,
        features: 0,
    };
    let mut runner = Runner::new(backend, model, room, 8, 1).expect("room");
    let mut seen = Seen::default();
    runner.warm_up(&mut seen).expect("warm");
    for block in 0..blocks {
        assert!(
            seen.0.contains(&Stage::VisionBlockOut(block)),
            "block {block}"
        );
    }
    for layer in 0..layers {
        assert!(
            seen.0.contains(&Stage::TextLayerOut(layer)),
            "layer {layer}"
        );
    }
    assert!(seen.0.contains(&Stage::VisionMerger) && seen.0.contains(&Stage::TextFinalNorm));
}

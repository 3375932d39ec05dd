//! Whole answers on GPUs: an emulated one everywhere, the machine's own where there are some.

use engine::{DeviceChoice, load_on};
use placement::{Gpus, Machine};

use super::emulated::Emulated;
use super::*;

fn engine_on(gpus: &dyn Gpus, checkpoint: &str, device: DeviceChoice) -> Handle {
    let options = EngineOptions {
        precision: Precision::F32,
        threads: Some(2),
        image_tokens: 64,
        context_tokens: Some(128),
        device,
        ..EngineOptions::default()
    };
    let source = ModelSource::Directory(golden().join("checkpoints").join(checkpoint));
    load_on(&source, &options, gpus, &mut |_| {}).expect("a golden checkpoint loads")
}

fn gives_the_greedy_words(engine: &Handle, checkpoint: &str, names: &[&str]) {
    let prompts = prompts(checkpoint).into_iter();
    let chosen = prompts.filter(|prompt| names.iter().any(|name| prompt["name"] == **name));
    let chosen: Vec<Value> = chosen.collect();
    assert_eq!(chosen.len(), names.len());
    for prompt in chosen {
        let answered = ask(engine, request(&prompt));
        let expected: Vec<u32> = serde_json::from_value(prompt["greedy_ids"].clone()).expect("ids");
        assert_eq!(answered.ids, expected, "{checkpoint} {}", prompt["name"]);
    }
}

/// The emulator takes its time: one prompt of one checkpoint, the one with two pictures.
#[test]
fn a_golden_prompt_gives_its_greedy_words_on_an_emulated_gpu() {
    let gpus = Emulated::new(&[1 << 30]);
    let engine = engine_on(&gpus, "tiny-b", DeviceChoice::Auto);
    assert_eq!(engine.info().device, "emulated card 0");
    gives_the_greedy_words(&engine, "tiny-b", &["two_images"]);
    assert!(gpus.emulator().launches() > 0);
}

/// Temperature, top-p, penalties and alternatives, from the likeliest tokens alone; and top-p without top-k, which needs
/// all logits.
#[test]
fn drawn_words_on_an_emulated_gpu_are_those_of_the_processor() {
    let gpus = Emulated::new(&[1 << 30]);
    let on_gpu = engine_on(&gpus, "tiny-a", DeviceChoice::Auto);
    let on_processor = engine_on(&gpus, "tiny-a", DeviceChoice::Cpu);
    for top_k in [20, 0] {
        let asked = || {
            let message = Message {
                role: Role::User,
                content: vec![Part::Text("Model?".to_owned())],
            };
            let mut request = Request::new(vec![message], Vec::new());
            request.max_tokens = 8;
            request.ignore_eos = true;
            request.top_logprobs = 5;
            request.sampling = Sampling {
                temperature: 1.0,
                top_p: 0.9,
                top_k,
                presence_penalty: 0.7,
                repetition_penalty: 1.1,
                seed: Some(11),
            };
            request
        };
        let (gpu, processor) = (said(&on_gpu, asked()), said(&on_processor, asked()));
        assert_eq!(gpu.len(), 8);
        for (gpu, processor) in gpu.iter().zip(&processor) {
            assert_eq!(gpu.0, processor.0, "top_k {top_k}");
            assert!((gpu.1 - processor.1).abs() < 2e-4, "top_k {top_k}");
            assert_eq!(gpu.2, processor.2, "top_k {top_k}");
        }
    }
}

/// Of every token: its id, its log-probability, the ids of the alternatives.
fn said(engine: &Handle, request: Request) -> Vec<(u32, f32, Vec<u32>)> {
    let mut said = Vec::new();
    for event in engine.submit(request).expect("accepted") {
        match event {
            Event::Delta(delta) => said.extend(delta.tokens.iter().map(|token| {
                let top = token.top.iter().map(|top| top.id).collect();
                (token.id, token.logprob, top)
            })),
            Event::Failed(why) => panic!("{why}"),
            _ => {}
        }
    }
    said
}

#[test]
fn the_golden_prompts_give_their_greedy_words_on_the_gpus_of_this_machine() {
    if Machine.look().usable().next().is_none() {
        println!("skipped: no CUDA device");
        return;
    }
    let names = [
        "text_only",
        "one_image",
        "two_images",
        "three_images",
        "multi_turn",
    ];
    for checkpoint in ["tiny-a", "tiny-b"] {
        let engine = engine_on(&Machine, checkpoint, DeviceChoice::Auto);
        gives_the_greedy_words(&engine, checkpoint, &names);
        println!("{checkpoint} on {}", engine.info().device);
    }
}

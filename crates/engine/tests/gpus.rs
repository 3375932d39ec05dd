//! The engine on emulated GPUs: the same words as on the processor, whole, in parts, and with a device that fails.

mod emulated;

use std::path::Path;
use std::sync::Arc;

use cuda::{Driver, DriverError};
use cuda_emulator::{Emulator, Fault};
use emulated::Emulated;
use engine::{
    DeviceChoice, EngineOptions, Event, Handle, LoadError, ModelSource, Precision, Request,
    SubmitError, load_on, places,
};
use formats::Checkpoint;
use model::chat::{Message, Part, Role};
use model::config::Config;
use placement::{Found, Gpus};

const GIB: u64 = 1 << 30;

/// A machine whose cards all have something against them.
struct Unusable(&'static str);

impl Gpus for Unusable {
    fn look(&self) -> Found {
        Found {
            driver: None,
            fault: Some(self.0.to_owned()),
            cards: Vec::new(),
        }
    }

    fn open(&self, _: u32) -> Result<Arc<dyn Driver>, DriverError> {
        Err(DriverError::failed("taking a device", self.0))
    }
}

fn directory() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden/checkpoints/tiny-a")
}

fn options() -> EngineOptions {
    EngineOptions {
        precision: Precision::F32,
        threads: Some(2),
        image_tokens: 16,
        context_tokens: Some(128),
        ..EngineOptions::default()
    }
}

fn load(options: &EngineOptions, gpus: &dyn Gpus) -> Result<Handle, LoadError> {
    load_on(
        &ModelSource::Directory(directory()),
        options,
        gpus,
        &mut |_| {},
    )
}

fn picture() -> Arc<[u8]> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden/images/decoded");
    let mut files: Vec<_> = std::fs::read_dir(path)
        .expect("golden pictures")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    std::fs::read(&files[0]).expect("a picture").into()
}

fn question(pictures: usize) -> Request {
    let mut content: Vec<Part> = (0..pictures).map(Part::Picture).collect();
    content.push(Part::Text("Model?".to_owned()));
    let message = Message {
        role: Role::User,
        content,
    };
    let mut request = Request::new(vec![message], vec![picture(); pictures]);
    request.sampling.temperature = 0.0;
    request.max_tokens = 4;
    request.ignore_eos = true;
    request
}

/// The ids of an answer, or why it broke off.
fn answer(handle: &Handle, pictures: usize) -> Result<Vec<u32>, String> {
    let answer = handle.submit(question(pictures)).expect("a place");
    let mut ids = Vec::new();
    for event in answer {
        match event {
            Event::Delta(delta) => ids.extend(delta.tokens.iter().map(|token| token.id)),
            Event::Failed(why) => return Err(why.to_string()),
            _ => {}
        }
    }
    Ok(ids)
}

fn on_the_processor() -> Vec<u32> {
    let options = EngineOptions {
        device: DeviceChoice::Cpu,
        ..options()
    };
    let handle = load(&options, &Emulated::new(&[GIB])).expect("it loads");
    assert!(handle.info().placement.is_none());
    answer(&handle, 1).expect("an answer")
}

/// The least memory of one card with which `wanted` is true of the placement.
fn memory_with(count: usize, wanted: impl Fn(&placement::Placement) -> bool) -> Emulated {
    let checkpoint = Checkpoint::open(&directory()).expect("a checkpoint");
    let config = Config::of(&checkpoint).expect("a config");
    let sizes = (0..4000).map(|step| placement::plan::RESERVE + step * (32 << 10));
    for size in sizes {
        let gpus = Emulated::new(&vec![size; count]);
        let places = places(&config, false, &options(), &gpus).expect("places");
        if places.placement.as_ref().is_some_and(&wanted) {
            return gpus;
        }
    }
    panic!("no size gives such a placement");
}

#[test]
fn a_question_on_a_gpu_gets_the_words_it_gets_on_the_processor() {
    let gpus = Emulated::new(&[GIB]);
    let handle = load(&options(), &gpus).expect("it loads");
    let info = handle.info();
    assert_eq!(info.device, "emulated card 0");
    assert_eq!((info.threads, info.precision.as_str()), (0, "f32"));
    assert_eq!(answer(&handle, 1).expect("an answer"), on_the_processor());
    assert!(gpus.emulator().launches() > 0);
}

#[test]
fn a_card_without_room_for_all_layers_shares_them_with_the_processor() {
    let gpus = memory_with(1, |placement| placement.shares.len() == 2);
    let handle = load(&options(), &gpus).expect("it loads");
    let info = handle.info();
    assert_eq!(info.device, "emulated card 0 + CPU, 2 threads");
    assert_eq!(answer(&handle, 1).expect("an answer"), on_the_processor());
}

#[test]
fn two_cards_share_the_layers() {
    let gpus = memory_with(2, |placement| {
        placement.shares.len() == 2 && placement.shares.iter().all(|share| share.gpu.is_some())
    });
    let handle = load(&options(), &gpus).expect("it loads");
    assert_eq!(handle.info().device, "emulated card 0 + emulated card 1");
    assert_eq!(answer(&handle, 1).expect("an answer"), on_the_processor());
}

#[test]
fn where_no_gpu_can_be_used_the_processor_answers_and_says_why() {
    let why = "the NVIDIA driver supports CUDA 11.8";
    let handle = load(&options(), &Unusable(why)).expect("it loads");
    assert_eq!(handle.info().device, "CPU, 2 threads");
    assert!(
        handle.info().notes[0].contains(why),
        "{:?}",
        handle.info().notes
    );
    let asked = EngineOptions {
        device: DeviceChoice::Cuda(None),
        ..options()
    };
    let refused = load(&asked, &Unusable(why))
        .err()
        .expect("it cannot be had");
    assert!(refused.to_string().contains(why), "{refused}");
}

#[test]
fn a_card_that_is_not_there_or_too_small_is_said_to_be() {
    let asked = |device, gpu_memory| EngineOptions {
        device,
        gpu_memory,
        ..options()
    };
    let gpus = Emulated::new(&[GIB]);
    let refused = load(&asked(DeviceChoice::Cuda(Some(3)), None), &gpus);
    let refused = refused.err().expect("there is no such card").to_string();
    assert!(refused.contains("there is no GPU 3"), "{refused}");
    let refused = load(&asked(DeviceChoice::Cuda(None), Some(64 << 20)), &gpus);
    let refused = refused.err().expect("no room").to_string();
    assert!(refused.contains("--gpu-memory"), "{refused}");
}

#[test]
fn memory_that_is_gone_by_the_time_it_is_taken_leaves_it_to_the_processor() {
    let mut gpus = Emulated::new(&[GIB]);
    gpus.0[0].0 = Arc::new(Emulator::new(1 << 20));
    let handle = load(&options(), &gpus).expect("it loads");
    assert_eq!(handle.info().device, "CPU, 2 threads");
    assert!(
        handle.info().notes[0].contains("no room"),
        "{:?}",
        handle.info().notes
    );
}

#[test]
fn a_question_that_finds_no_memory_fails_alone() {
    let gpus = Emulated::new(&[GIB]);
    let handle = load(&options(), &gpus).expect("it loads");
    gpus.emulator().set_fault(Some(Fault::NoMemory));
    let why = answer(&handle, 1).expect_err("no memory for a picture");
    assert!(why.contains("no room"), "{why}");
    gpus.emulator().set_fault(None);
    assert_eq!(answer(&handle, 0).expect("an answer").len(), 4);
    assert_eq!(handle.lost(), None);
}

#[test]
fn a_lost_gpu_is_told_to_everybody_and_to_nobody_twice() {
    let gpus = Emulated::new(&[GIB]);
    let handle = load(&options(), &gpus).expect("it loads");
    gpus.emulator().set_fault(Some(Fault::Lost));
    let why = answer(&handle, 0).expect_err("the device is lost");
    assert!(
        why.contains("does not answer any more") && why.contains("start lookdesk again"),
        "{why}"
    );
    assert!(handle.lost().is_some_and(|lost| lost == why));
    let refused = handle.submit(question(0)).err().expect("a refusal");
    assert!(matches!(refused, SubmitError::Lost(said) if said == why));
}

//! How long a phone photo takes from its bytes to patches, part by part.
//!
//! `cargo bench -p model --bench picture`. Everything runs on one thread. On a machine that others
//! use too, the shortest of many runs says most: `sample.json` under `target/criterion` has them all.
//! What turning costs is the difference between `turned` and `baseline`.

mod photo;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use model::config::{Config, PreprocessorConfig};
use model::picture::{Picture, PictureFormat, PictureLimits, Preprocessor, Size, decode, resize};
use photo::{HEIGHT, Kind, WIDTH};

fn preprocessor() -> Preprocessor {
    Preprocessor::new(
        &PreprocessorConfig::released(),
        &Config::qwen3_vl_4b().vision,
        Preprocessor::DEFAULT_IMAGE_TOKENS,
    )
    .expect("one model")
}

fn parts(criterion: &mut Criterion) {
    let limits = PictureLimits::default();
    let preprocessor = preprocessor();
    let photo = photo::pixels();
    let files: Vec<_> = [
        ("baseline", Kind::Baseline),
        ("progressive", Kind::Progressive),
        ("turned", Kind::Turned),
    ]
    .into_iter()
    .map(|(name, kind)| (name, photo::jpeg(&photo, kind)))
    .collect();

    let mut group = criterion.benchmark_group("picture");
    group.sample_size(20);
    group.throughput(Throughput::Elements(u64::from(WIDTH) * u64::from(HEIGHT)));
    for (name, file) in &files {
        group.bench_function(format!("decode/{name}"), |bencher| {
            bencher.iter(|| decode(black_box(file), &limits));
        });
    }

    let from = Size {
        height: HEIGHT as usize,
        width: WIDTH as usize,
    };
    let to = preprocessor.size(WIDTH, HEIGHT).expect("an ordinary photo");
    group.bench_function("resize", |bencher| {
        bencher.iter(|| resize(black_box(&photo), from, to));
    });
    // Of the size it is shown at, a picture is not resized.
    let fitting = Picture::from_rgb(
        to.width as u32,
        to.height as u32,
        resize(&photo, from, to),
        PictureFormat::Png,
    );
    group.bench_function("cut", |bencher| {
        bencher.iter(|| preprocessor.patches(black_box(&fitting)));
    });

    for (name, file) in &files {
        group.bench_function(format!("whole/{name}"), |bencher| {
            bencher.iter(|| {
                let picture = decode(black_box(file), &limits).expect("a whole file");
                preprocessor.patches(&picture)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parts);
criterion_main!(benches);

//! The machine's instruments: processors, their temperature, this program's memory, NVIDIA devices.
//!
//! Whoever asks gets readings that are at most a second old, and the instruments are read at most once
//! a second however many ask. Where there is no NVIDIA driver there are no devices, and nothing is said
//! about it: NVML, the driver's own library, is looked for once, at run time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use desk::{GpuReading, Readings};
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::{Device, Nvml};
use sysinfo::{Components, System};

/// The least time between two readings.
const PAUSE: Duration = Duration::from_millis(950);

/// Sensors of processors, as Linux drivers, macOS and single-board computers call them.
const PROCESSOR_SENSORS: [&str; 9] = [
    "coretemp", "k10temp", "zenpower", "tctl", "tdie", "package", "cpu", "soc", "core",
];
/// Where there is none of those: the board's zone that stands for the processor.
const BOARD_SENSORS: [&str; 2] = ["acpitz", "thermal"];

/// Reads the instruments.
#[derive(Debug)]
pub struct Gauges(Mutex<Option<Instruments>>);

#[derive(Debug)]
struct Instruments {
    /// `None` where this system does not let itself be read.
    system: Option<System>,
    sensors: Option<Components>,
    nvml: Option<Nvml>,
    read_at: Instant,
    readings: Readings,
}

impl Gauges {
    /// Nothing is looked at before the first reading.
    pub fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Readings at most a second old. How busy the processors are is told since the readings before;
    /// the first ones cannot know and say 0.
    pub fn read(&self) -> Readings {
        let mut instruments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let instruments = instruments.get_or_insert_with(Instruments::find);
        if instruments.read_at.elapsed() >= PAUSE {
            instruments.read();
        }
        instruments.readings.clone()
    }
}

impl Instruments {
    fn find() -> Self {
        let mut instruments = Self {
            system: System::new().ok(),
            sensors: Components::new_with_refreshed_list().ok(),
            nvml: nvml(),
            read_at: Instant::now(),
            readings: Readings::default(),
        };
        instruments.read();
        instruments
    }

    fn read(&mut self) {
        let busy = self.system.as_mut().map_or(0.0, busy);
        self.readings = Readings {
            cpu_percent: if busy.is_finite() {
                busy.clamp(0.0, 100.0)
            } else {
                0.0
            },
            cpu_temperature_c: self.sensors.as_mut().and_then(hottest),
            process_memory_bytes: engine::memory::rss_bytes(),
            gpus: self.nvml.as_ref().map(devices).unwrap_or_default(),
        };
        self.read_at = Instant::now();
    }
}

/// The driver's library, if there is one. Drivers install it under a versioned name; only development
/// packages add the plain one.
pub fn nvml() -> Option<Nvml> {
    let versioned = Nvml::builder()
        .lib_path("libnvidia-ml.so.1".as_ref())
        .init();
    versioned.or_else(|_| Nvml::init()).ok()
}

fn devices(nvml: &Nvml) -> Vec<GpuReading> {
    let count = nvml.device_count().unwrap_or(0);
    let devices = (0..count).filter_map(|index| nvml.device_by_index(index).ok());
    devices.map(|device| device_reading(&device)).collect()
}

/// What one device says; what it does not say is left open.
fn device_reading(device: &Device) -> GpuReading {
    let memory = device.memory_info().ok();
    let utilization = device.utilization_rates().ok();
    let temperature = device.temperature(TemperatureSensor::Gpu).ok();
    GpuReading {
        name: device.name().unwrap_or_else(|_| "NVIDIA".to_owned()),
        memory_used_bytes: memory.as_ref().map_or(0, |memory| memory.used),
        memory_total_bytes: memory.as_ref().map_or(0, |memory| memory.total),
        temperature_c: temperature.map(|degrees| degrees as f32),
        utilization_percent: utilization.map(|rates| rates.gpu as f32),
    }
}

/// How busy the processors were since the last look, in percent.
fn busy(system: &mut System) -> f32 {
    system.refresh_cpu_usage();
    system.global_cpu_usage()
}

fn hottest(sensors: &mut Components) -> Option<f32> {
    sensors.refresh(false);
    let sensors: Vec<_> = sensors
        .iter()
        .filter_map(|sensor| Some((sensor.label().to_lowercase(), sensor.temperature()?)))
        .filter(|(_, degrees)| (-50.0..150.0).contains(degrees))
        .collect();
    let among = |names: &[&str]| {
        let named = sensors
            .iter()
            .filter(|(label, _)| names.iter().any(|name| label.contains(name)));
        named.map(|(_, degrees)| *degrees).max_by(f32::total_cmp)
    };
    among(&PROCESSOR_SENSORS).or_else(|| among(&BOARD_SENSORS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_those_of_this_process_and_taken_once_a_second() {
        let gauges = Gauges::new();
        let first = gauges.read();
        assert!((0.0..=100.0).contains(&first.cpu_percent), "{first:?}");
        if cfg!(target_os = "linux") {
            assert!(first.process_memory_bytes > 0, "{first:?}");
        }
        // A machine that does something else for a second has a new one by then.
        let cost_nothing = (0..10).any(|_| {
            let (started, reading) = (Instant::now(), gauges.read());
            let same = (0..1000).filter(|_| gauges.read() == reading).count();
            same == 1000 && started.elapsed() < PAUSE
        });
        assert!(cost_nothing, "a thousand readings cost nothing");
    }

    #[test]
    fn how_busy_the_processors_are_is_told_from_the_second_reading_on() {
        let gauges = Gauges::new();
        gauges.read();
        let started = Instant::now();
        let mut work = 0_u64;
        while started.elapsed() < PAUSE + Duration::from_millis(50) {
            work = std::hint::black_box(work.wrapping_mul(31).wrapping_add(7));
        }
        assert!(gauges.read().cpu_percent > 0.0);
    }
}

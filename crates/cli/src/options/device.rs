//! Where to compute, and how much of a GPU's memory, as the command line spells them.

use std::fmt;
use std::str::FromStr;

use engine::DeviceChoice;

/// `auto`, `cpu`, `cuda` or `cuda:N`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Device(pub DeviceChoice);

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let choice = match text.split_once(':') {
            None => match text {
                "auto" => Some(DeviceChoice::Auto),
                "cpu" => Some(DeviceChoice::Cpu),
                "cuda" => Some(DeviceChoice::Cuda(None)),
                _ => None,
            },
            Some(("cuda", number)) => number.parse().ok().map(|n| DeviceChoice::Cuda(Some(n))),
            Some(_) => None,
        };
        let wanted = "auto, cpu, cuda, or cuda:N for the GPU that `lookdesk doctor` calls N";
        choice.map(Self).ok_or_else(|| wanted.to_owned())
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            DeviceChoice::Auto => f.write_str("auto"),
            DeviceChoice::Cpu => f.write_str("cpu"),
            DeviceChoice::Cuda(None) => f.write_str("cuda"),
            DeviceChoice::Cuda(Some(number)) => write!(f, "cuda:{number}"),
        }
    }
}

/// A number of bytes with its unit, such as `10GB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || "a number with a unit: 10GB, 9.5GiB, 800MB".to_owned();
        let units = [
            ("GiB", 1024.0_f64.powi(3)),
            ("MiB", 1024.0_f64.powi(2)),
            ("GB", 1e9),
            ("MB", 1e6),
        ];
        let found = units
            .iter()
            .find_map(|(unit, size)| Some((text.strip_suffix(unit)?, size)));
        let (number, unit) = found.ok_or_else(wanted)?;
        let number: f64 = number.trim_end().parse().map_err(|_| wanted())?;
        let is_fair = number.is_finite() && number > 0.0 && number < 1e6;
        is_fair
            .then_some(Self((number * unit) as u64))
            .ok_or_else(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_reads_as_it_is_written() {
        for text in ["auto", "cpu", "cuda", "cuda:0", "cuda:12"] {
            let device: Device = text.parse().unwrap();
            assert_eq!(device.to_string(), text);
        }
        for wrong in ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "CUDA"] {
            let said = wrong.parse::<Device>().unwrap_err();
            assert!(said.contains("cuda:N"), "{wrong}: {said}");
        }
    }

    #[test]
    fn a_size_has_a_unit() {
        for (text, bytes) in [
            ("10GB", 10_000_000_000),
            ("2 GiB", 2 << 30),
            ("0.5GB", 500_000_000),
            ("800MB", 800_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for wrong in [
            "10", "GB", "-1GB", "0GB", "NaNGB", "infGB", "10TB", "1e300GB",
        ] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }
}

//! Sizes as people read them, in decimal units.

/// `12.4 GB`, `11.8 MB` or `42.9 kB`.
pub fn bytes(count: u64) -> String {
    match count as f64 {
        bytes if bytes >= 1e9 => format!("{:.1} GB", bytes / 1e9),
        bytes if bytes >= 1e6 => format!("{:.1} MB", bytes / 1e6),
        bytes => format!("{:.1} kB", bytes / 1e3),
    }
}

/// `4.44 billion parameters` or `5.9 million parameters`.
pub fn parameters(count: u64) -> String {
    match count as f64 {
        many if many >= 1e9 => format!("{:.2} billion parameters", many / 1e9),
        few => format!("{:.1} million parameters", few / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_has_its_unit() {
        assert_eq!(bytes(8_875_000_000), "8.9 GB");
        assert_eq!(bytes(11_848_792), "11.8 MB");
        assert_eq!(bytes(332), "0.3 kB");
        assert_eq!(parameters(4_437_815_808), "4.44 billion parameters");
        assert_eq!(parameters(5_920_000), "5.9 million parameters");
    }
}

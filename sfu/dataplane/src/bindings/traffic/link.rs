//! `TrafficLink` of `sfu/_dataplane.pyi`: what a direction of a participant's network does, checked.

use dataplane_traffic::link::{Conditions, Network};
use pyo3::prelude::*;

use super::super::bad;

const LONGEST_US: u64 = 5_000_000;
const RATES_BPS: std::ops::RangeInclusive<u64> = 8_000..=10_000_000_000;
const LONGEST_BURST: f64 = 1_000.0;

#[pyclass(frozen, module = "sfu._dataplane")]
pub struct TrafficLink(Conditions);

#[pymethods]
impl TrafficLink {
    #[new]
    #[pyo3(signature = (*, loss=0.0, burst=None, delay_us=0, jitter_us=0, rate_bps=None, queue_us=300_000))]
    fn new(
        loss: f64,
        burst: Option<f64>,
        delay_us: u64,
        jitter_us: u64,
        rate_bps: Option<u64>,
        queue_us: u64,
    ) -> PyResult<Self> {
        if !(0.0..=1.0).contains(&loss) {
            return Err(bad("loss: 0 to 1"));
        }
        if burst.is_some_and(|mean| !(1.0..=LONGEST_BURST).contains(&mean)) {
            return Err(bad("burst: 1 to 1000"));
        }
        for (text, value) in [
            ("delay_us: 0 to 5000000", delay_us),
            ("jitter_us: 0 to 5000000", jitter_us),
            ("queue_us: 0 to 5000000", queue_us),
        ] {
            if value > LONGEST_US {
                return Err(bad(text));
            }
        }
        if rate_bps.is_some_and(|rate| !RATES_BPS.contains(&rate)) {
            return Err(bad("rate_bps: 8000 to 10000000000"));
        }
        Ok(Self(Conditions { loss, burst, delay_us, jitter_us, rate_bps, queue_us }))
    }
}

/// `None` where neither direction has conditions: then nothing is held, copied or drawn.
pub fn network(
    up: Option<PyRef<'_, TrafficLink>>,
    down: Option<PyRef<'_, TrafficLink>>,
    seed: u64,
) -> Option<Box<Network>> {
    let conditions = |link: Option<PyRef<'_, TrafficLink>>| link.map(|link| link.0).unwrap_or_default();
    let asked = up.is_some() || down.is_some();
    asked.then(|| Box::new(Network::new(conditions(up), conditions(down), seed)))
}

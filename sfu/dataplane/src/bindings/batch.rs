//! What a tap hands over, as Python gets it.

use dataplane_core::tap::{Batch, TrackBatch};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

/// `TapBatch` of the typed face.
pub fn batch_dict(py: Python<'_>, batch: Batch) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("data", PyBytes::new(py, &batch.data))?;
    dict.set_item("records", batch.records)?;
    dict.set_item("dropped", batch.dropped.packets)?;
    dict.set_item("dropped_from_us", batch.dropped.from_us)?;
    dict.set_item("dropped_until_us", batch.dropped.until_us)?;
    let tracks = batch.tracks.into_iter().map(|track| track_dict(py, track)).collect::<PyResult<Vec<_>>>()?;
    dict.set_item("tracks", tracks)?;
    Ok(dict)
}

/// `TappedTrack` of the typed face.
fn track_dict(py: Python<'_>, track: TrackBatch) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("label", track.label)?;
    dict.set_item("packets", track.packets)?;
    dict.set_item("bytes", track.bytes)?;
    dict.set_item("keyframes", track.keyframes)?;
    dict.set_item("ssrcs", track.ssrcs)?;
    dict.set_item("first_seq", track.first.seq)?;
    dict.set_item("last_seq", track.last.seq)?;
    dict.set_item("first_timestamp", track.first.timestamp)?;
    dict.set_item("last_timestamp", track.last.timestamp)?;
    dict.set_item("first_us", track.first_us)?;
    dict.set_item("last_us", track.last_us)?;
    dict.set_item("lost", track.lost.list)?;
    dict.set_item("lost_from_us", track.lost.from_us)?;
    dict.set_item("lost_until_us", track.lost.until_us)?;
    dict.set_item("dropped", track.dropped.list)?;
    dict.set_item("dropped_from_us", track.dropped.from_us)?;
    dict.set_item("dropped_until_us", track.dropped.until_us)?;
    Ok(dict)
}

//! Weights from wherever they lie to a device, by the names of the released checkpoints.

use ops::backend::{Backend, BackendError, LinearWeight, Sensitivity};
use ops::vision::LayerNorm;

use crate::weights::Weights;

/// Takes a tower's weights one after another.
pub(crate) struct Loader<'a, B: Backend> {
    pub(crate) backend: &'a B,
    pub(crate) weights: &'a dyn Weights,
    /// Told of each weight taken.
    pub(crate) loaded: &'a mut dyn FnMut(),
}

impl<B: Backend> Loader<'_, B> {
    /// A float32 parameter.
    pub(crate) fn parameter(
        &mut self,
        name: &str,
        shape: &[usize],
    ) -> Result<B::Parameter, BackendError> {
        let tensor = self.weights.tensor(name, shape)?;
        (self.loaded)();
        self.backend.parameter(&tensor)
    }

    /// `NAME.weight` and `NAME.bias`, both `[columns]`.
    pub(crate) fn layer_norm(
        &mut self,
        name: &str,
        columns: usize,
    ) -> Result<LayerNorm<B>, BackendError> {
        Ok(LayerNorm {
            weight: self.parameter(&format!("{name}.weight"), &[columns])?,
            bias: self.parameter(&format!("{name}.bias"), &[columns])?,
        })
    }

    /// `NAME.weight`, [outputs, inputs], without a bias.
    pub(crate) fn linear(
        &mut self,
        name: &str,
        [outputs, inputs]: [usize; 2],
        sensitivity: Sensitivity,
    ) -> Result<B::Linear, BackendError> {
        let name = format!("{name}.weight");
        let weight = self.weights.tensor(&name, &[outputs, inputs])?;
        self.take(&name, &weight, None, sensitivity)
    }

    /// `NAME.weight`, of a shape that folds to [outputs, inputs], and `NAME.bias`, `[outputs]`.
    pub(crate) fn vision_linear(
        &mut self,
        name: &str,
        shape: &[usize],
        [outputs, inputs]: [usize; 2],
    ) -> Result<B::Linear, BackendError> {
        let bias = self.weights.tensor(&format!("{name}.bias"), &[outputs])?;
        let name = format!("{name}.weight");
        let weight = self.weights.tensor(&name, shape)?;
        let weight = weight
            .reshaped(&[outputs, inputs])
            .expect("the caller folds axes, it drops no values");
        self.take(&name, &weight, Some(&bias), Sensitivity::Vision)
    }

    /// The parts of `NAME.weight`, [parts * outputs, inputs], and of its bias, as weights of their own.
    pub(crate) fn vision_parts<const PARTS: usize>(
        &mut self,
        name: &str,
        [outputs, inputs]: [usize; 2],
    ) -> Result<[B::Linear; PARTS], BackendError> {
        let bias = format!("{name}.bias");
        let bias = self.weights.tensor(&bias, &[PARTS * outputs])?;
        let name = format!("{name}.weight");
        let weight = self.weights.tensor(&name, &[PARTS * outputs, inputs])?;
        let mut parts = Vec::with_capacity(PARTS);
        for part in 0..PARTS {
            let rows = part * outputs..(part + 1) * outputs;
            let weight = weight.rows(rows.clone()).expect("the shape was checked");
            let bias = bias.rows(rows).expect("the shape was checked");
            let name = format!("{name}[{part}]");
            parts.push(self.take(&name, &weight, Some(&bias), Sensitivity::Vision)?);
        }
        Ok(parts.try_into().ok().expect("as many as were pushed"))
    }

    fn take(
        &mut self,
        name: &str,
        weight: &formats::Tensor,
        bias: Option<&formats::Tensor>,
        sensitivity: Sensitivity,
    ) -> Result<B::Linear, BackendError> {
        (self.loaded)();
        self.backend.linear(&LinearWeight {
            name,
            weight,
            bias,
            sensitivity,
        })
    }
}

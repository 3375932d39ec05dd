//! Values that lie on one device, in that device's own type.

use cpu::{Cpu, CpuKvCache, CpuLinear};
use cuda::{Buffer, Cuda, CudaIndices, CudaKvCache, CudaLinear, CudaSequences, CudaTensor};
use ops::backend::Backend;
use ops::{HostTensor, Sequence};

/// A value of the one kind of device or of the other.
pub enum Own<C, G> {
    Cpu(C),
    Cuda(G),
}

pub type OwnTensor = Own<HostTensor, CudaTensor>;
pub type OwnLinear = Own<CpuLinear, CudaLinear>;
pub type OwnParameter = Own<Vec<f32>, Buffer>;
pub type OwnIndices = Own<Vec<u32>, CudaIndices>;
pub type OwnSequences = Own<Vec<Sequence>, CudaSequences>;
pub type OwnKvCache = Own<CpuKvCache, CudaKvCache>;

/// Which of the two a kind of device has. Panics where a value is of the other kind: each value stands beside the
/// number of its device.
pub trait Choose {
    type Of<C, G>;
    fn wrap<C, G>(own: Self::Of<C, G>) -> Own<C, G>;
    fn unwrap<C, G>(own: Own<C, G>) -> Self::Of<C, G>;
    fn of<C, G>(own: &Own<C, G>) -> &Self::Of<C, G>;
    fn of_mut<C, G>(own: &mut Own<C, G>) -> &mut Self::Of<C, G>;
}

/// A device that can be a member of a composite.
pub trait Member:
    Choose
    + Backend<
        Tensor = <Self as Choose>::Of<HostTensor, CudaTensor>,
        Linear = <Self as Choose>::Of<CpuLinear, CudaLinear>,
        Parameter = <Self as Choose>::Of<Vec<f32>, Buffer>,
        Indices = <Self as Choose>::Of<Vec<u32>, CudaIndices>,
        Sequences = <Self as Choose>::Of<Vec<Sequence>, CudaSequences>,
        KvCache = <Self as Choose>::Of<CpuKvCache, CudaKvCache>,
        Linear: Clone,
        Parameter: Clone,
    >
{
}

impl Member for Cpu {}
impl Member for Cuda {}

macro_rules! choose {
    ($device:ty, $variant:ident, $of:ident) => {
        impl Choose for $device {
            type Of<C, G> = $of;

            fn wrap<C, G>(own: $of) -> Own<C, G> {
                Own::$variant(own)
            }

            fn unwrap<C, G>(own: Own<C, G>) -> $of {
                match own {
                    Own::$variant(own) => own,
                    _ => panic!("a value of another device"),
                }
            }

            fn of<C, G>(own: &Own<C, G>) -> &$of {
                match own {
                    Own::$variant(own) => own,
                    _ => panic!("a value of another device"),
                }
            }

            fn of_mut<C, G>(own: &mut Own<C, G>) -> &mut $of {
                match own {
                    Own::$variant(own) => own,
                    _ => panic!("a value of another device"),
                }
            }
        }
    };
}

choose!(Cpu, Cpu, C);
choose!(Cuda, Cuda, G);

//! What may move to another thread and what may not, told to the compiler.
mod tables;
use tables::*;
use veripage::frame::*;
use veripage::kspace::{KVirtArea, KernelSpace};
use veripage::tlb::TlbFlusher;
use veripage::vm_space::{self, UserReader, UserWriter, VmSpace};
use veripage_hw::cpu_set::AtomicCpuSet;

type P = Sim<0>;
type UserC = UserPtConfig<P, X86_64>;
type KernelC = KernelPtConfig<P, X86_64>;

/// Has one method of a name twice if `T` has what it must not have: then a call is ambiguous.
macro_rules! assert_not {
    ($($t:ty: $bound:ident),* $(,)?) => {$(const _: fn() = || {
        trait Ambiguous<A> {
            fn here() {}
        }
        impl<T: ?Sized> Ambiguous<()> for T {}
        struct Has;
        impl<T: ?Sized + $bound> Ambiguous<Has> for T {}
        <$t as Ambiguous<_>>::here()
    };)*};
}

fn shared<T: Send + Sync>() {}

#[test]
fn handles_tables_and_spaces_go_to_any_thread() {
    shared::<UFrame<P>>();
    shared::<DynFrame<P>>();
    shared::<FrameRef<'static, P, UntypedMeta>>();
    shared::<UniqueFrame<P, UntypedMeta>>();
    shared::<USegment<P>>();
    shared::<FrameAllocOptions<P>>();
    shared::<VmReader<'static>>();
    shared::<VmWriter<'static>>();
    shared::<User<X86_64, 0>>();
    shared::<Kernel<X86_64, 0>>();
    shared::<MappedItem<P>>();
    shared::<Pending<MappedItem<P>>>();
    shared::<RetiredOf<UserC>>();
    shared::<PageTableError>();
    shared::<KernelSpace<P, X86_64>>();
    shared::<KVirtArea<'static, P, X86_64>>();
    shared::<VmSpace<'static, P, X86_64>>();
    shared::<UserReader<'static, 'static, P, X86_64>>();
    shared::<UserWriter<'static, 'static, P, X86_64>>();
    // A request may be waited for on another CPU: see `Platform::flush_wait`.
    shared::<TlbFlusher<'static, UserC>>();
    shared::<TlbFlusher<'static, KernelC>>();
    shared::<AtomicCpuSet>();
}

// A read section ends on the CPU that entered it, and a cursor is in one.
assert_not!(
    RcuGuard<P>: Send,
    RcuGuard<P>: Sync,
    Cursor<'static, UserC>: Send,
    CursorMut<'static, UserC>: Send,
    CursorMut<'static, KernelC>: Send,
    vm_space::CursorMut<'static, P, X86_64>: Send,
);

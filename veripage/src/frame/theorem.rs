//! What the ghost accounting of frames amounts to. Ghost only.
use super::slot::*;
use super::sm::*;
use veripage_hw::Platform;
use vstd::prelude::*;

verus! {

/// A frame that somebody owns exclusively has no share: its memory is never reachable twice.
pub proof fn excl_and_share_exclude<P: Platform>(
    tracked e: Excl<P>,
    tracked s: Share<P>,
    id: SlotId,
    tracked inst: &SlotSM::Instance,
    tracked st: &SlotSM::st,
)
    requires e.wf(id), s.wf(id), inst.id() == id.inst, st.instance_id() == id.inst,
    ensures false,
{
    s.tok.is_shared(inst, st);
    inst.excl_is_excl(st, &e.tok);
}

/// Two exclusive owners of one frame do not exist.
pub proof fn excl_is_exclusive<P: Platform>(
    tracked a: Excl<P>,
    tracked b: Excl<P>,
    id: SlotId,
)
    requires a.wf(id), b.wf(id),
    ensures false,
{
    let tracked mut p = a.res.page.into_words();
    p.is_exclusive(&b.res.page.into_words());
}

/// `rc >= handles + mappings + covers` for any of them in hand, whatever other threads have; that
/// the two are equal is the machine's invariant (`SlotSM::State::law`).
pub proof fn law(
    tracked h: &SlotSM::handles,
    tracked p: &SlotSM::ptes,
    tracked c: &SlotSM::covers,
    tracked st: &SlotSM::st,
    tracked inst: &SlotSM::Instance,
)
    requires
        h.instance_id() == inst.id(), p.instance_id() == inst.id(), c.instance_id() == inst.id(),
        st.instance_id() == inst.id(), h.count() + p.count() + c.count() > 0,
    ensures st.value() is Shared, st.value()->Shared_0 >= h.count() + p.count() + c.count(),
{
    inst.all_counted(h.count(), p.count(), c.count(), st, h, p, c);
}

/// In every state that the machine can reach, the word is the number of shares.
pub proof fn word_is_count(s: SlotSM::State)
    requires s.law(), s.handles + s.ptes + s.covers <= veripage_hw::count::MAX_SHARES,
    ensures
        s.st is Shared ==> word(s.st) == s.handles + s.ptes + s.covers,
        !(s.st is Shared) ==> s.handles + s.ptes + s.covers == 0,
{
}

} // verus!

#!/usr/bin/env python3
"""check.py FOLDER KILLS: is what record.py saw linearizable, item by item and field by field?

Each (key, field) is a register: there has to be an order of its operations, every one at a moment between its call
and its return, in which each read gives what the write before it left. Linearizability is local (Herlihy and Wing,
1990), so registers are judged one by one.

The search is Wing and Gong's ("Testing and verifying concurrent objects", 1993): take any operation that no other
one has returned before, if the register allows it; go back when none is left. With Lowe's memory ("Testing for
linearizability", 2017) of the (operations taken, value) that led nowhere, and his list of calls and returns from
which what is taken is lifted out.

An operation whose outcome nobody knows has no return: it may come at any later moment, or never. Names
show in the other versions within 50 ms (the interface says so), so an answer that there is no such item may be that
old: these are not searched with the others, but judged by themselves.
"""
import json
import os
import sys

NEVER = float("inf")


class Entry:
    """A call, or the return of `call`."""
    __slots__ = ("op", "number", "ret", "before", "after")

    def __init__(self, op, number, ret=None):
        self.op, self.number, self.ret, self.before, self.after = op, number, ret, None, None


NAMES_SHOW_NS = 50_000_000


def may(op, value):
    """(allowed, the value afterwards)"""
    what, arg = op[0], op[1]
    if what == "read":
        return arg == value, value
    # A removal is a write of None whatever stands there: it may also find the name that somebody has opened to make
    # an item, and not closed yet.
    return True, arg


def linked(ops):
    """The list of calls and returns in order of time; a call before a return of the same moment."""
    events = []
    for number, op in enumerate(ops):
        ret = Entry(op, number)
        events.append((op[2], 0, number, Entry(op, number, ret)))
        events.append((NEVER if op[3] is None else op[3], 1, number, ret))
    events.sort(key=lambda e: e[:3])
    head = last = Entry(None, -1)
    for *_, entry in events:
        entry.before, last.after, last = last, entry, entry
    return head


def lift(call):
    for entry in (call, call.ret):
        entry.before.after = entry.after
        if entry.after:
            entry.after.before = entry.before


def put_back(call):
    for entry in (call.ret, call):
        entry.before.after = entry
        if entry.after:
            entry.after.before = entry


def search(ops):
    """None: linearizable. Else the number of the operation whose return was never got past."""
    head, value, taken, seen, stack, furthest = linked(ops), None, 0, set(), [], (-1, -1)
    entry = head.after
    while head.after:
        if entry.ret:
            allowed, then = may(entry.op, value)
            state = taken | 1 << entry.number, then
            if allowed and state not in seen:
                seen.add(state)
                stack.append((entry, value))
                taken, value = state
                lift(entry)
                entry = head.after
            else:
                entry = entry.after
        else:
            furthest = max(furthest, (len(stack), entry.number))
            if not stack:
                return furthest[1]
            entry, value = stack.pop()
            taken &= ~(1 << entry.number)
            put_back(entry)
            entry = entry.after
    return None


def registers(folder):
    found = {}
    for name in os.listdir(folder):
        with open(f"{folder}/{name}", encoding="utf-8") as lines:
            for line in lines:
                key, field, what, value, called, returned = json.loads(line)
                known = not what.endswith("?")
                # An unlink that may have happened is a write of "no such item" that may have.
                kind = what if known else "write"
                found.setdefault((key, field), []).append((kind, value, called, returned if known else None))
    return found


def wanted(ops):
    """Without the writes of unknown outcome that nobody saw: whether they happened makes no difference."""
    ops = list(ops)
    seen = {op[1] for op in ops if op[0] == "read"}
    return [op for op in ops if op[3] is not None or op[1] in seen]


def is_absence(op):
    return op[0] == "read" and op[1] is None


def impossible_absence(ops):
    """An answer that there is no such item, though one was written, and not removed since, over 50 ms before."""
    removals = [(op[2], NEVER if op[3] is None else op[3]) for op in ops if op[0] in ("unlink", "write") and op[1] is None]
    removals.append((0, 0))
    writes = [(op[2], op[3]) for op in ops if op[0] == "write" and op[1] is not None and op[3] is not None]
    for number, op in enumerate(ops):
        if not is_absence(op):
            continue
        gone = max(returned for called, returned in removals if called <= op[3])
        if any(called > gone and returned < op[2] - NAMES_SHOW_NS for called, returned in writes):
            return number
    return None


def explain(name, ops, number):
    start = min(op[2] for op in ops)
    at = ops[number]
    # Of an absence, what was written long enough before.
    since = at[2] - (4 * NAMES_SHOW_NS if is_absence(at) else 2e7)
    near = sorted((op for op in ops if (op[3] or NEVER) >= since and op[2] <= at[3]), key=lambda op: op[2])
    print(f"{'.'.join(name)}: no order gives what was read; around the operation that fits nowhere (ms):")
    for op in near[-30:]:
        until = "?" if op[3] is None else f"{(op[3] - start) / 1e6:.3f}"
        mark = "  <--" if op is at else ""
        print(f"    {(op[2] - start) / 1e6:10.3f} to {until:>10}  {op[0]} {str(op[1])[:40]}{mark}")


def main():
    folder, kills = sys.argv[1], sys.argv[2]
    operations = unknown = broken = crossed = 0
    found = registers(folder)
    for name, ops in sorted(found.items()):
        crossed += sum(op[0] == "crossed" for op in ops)
        ops = [op for op in ops if op[0] != "crossed"]
        operations += len(ops)
        unknown += sum(op[3] is None for op in ops)
        number = impossible_absence(ops)
        if number is None:
            ops = wanted(op for op in ops if not is_absence(op))
            number = search(ops)
        if number is not None:
            broken += 1
            explain(name, ops, number)
    print(f"{kills} cycles, {len(found)} registers, {operations} operations, {unknown} unknown, "
          f"{crossed} crossed, {broken} broken")
    return broken > 0


if __name__ == "__main__":
    sys.exit(main())

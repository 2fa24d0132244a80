/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/target_state.h"

#include "base/memory.h"

#include "tests/tap.h"

static struct target targets[3];

static struct snapshot *snapshot_of(struct snapshot *snapshot, const char *a, const char *b)
{
    memset(snapshot, 0, sizeof(*snapshot));
    targets[0] = (struct target){.name = slice_from_cstr(a)};
    targets[1] = (struct target){.name = slice_from_cstr(b)};
    snapshot->policy.targets = targets;
    snapshot->policy.target_count = 2;
    return snapshot;
}

static void survives_reload(void)
{
    struct target_states states;
    struct snapshot snapshot;
    target_states_init(&states);
    EXPECT(target_states_attach(&states, snapshot_of(&snapshot, "x", "y")));
    struct target_health *x = targets[0].health;
    struct target_health *y = targets[1].health;
    EXPECT(x != NULL && y != NULL && x != y);
    atomic_store(&x->switched_off, true);
    EXPECT(target_state_of(&targets[0]) == (void *)x);
    EXPECT(target_states_attach(&states, snapshot_of(&snapshot, "z", "x")));
    EXPECT(targets[1].health == x && targets[0].health != y);
    EXPECT(atomic_load(&targets[1].health->switched_off));
    EXPECT(target_states_attach(&states, snapshot_of(&snapshot, "y", "y")));
    EXPECT(targets[0].health == y && targets[1].health == y);
    target_states_release(&states);
}

static void memory_fails(void)
{
#ifdef SLUICE_FAULTS
    for (int64_t nth = 0;; nth++) {
        struct target_states states;
        struct snapshot snapshot;
        target_states_init(&states);
        memory_fail_nth(nth);
        bool ok = target_states_attach(&states, snapshot_of(&snapshot, "x", "y"));
        bool happened = memory_fault_happened();
        memory_fail_nth(-1);
        EXPECT_INT(ok, !happened);
        EXPECT(target_states_attach(&states, snapshot_of(&snapshot, "x", "y")));
        target_states_release(&states);
        if (!happened) {
            EXPECT(nth > 2);
            return;
        }
    }
#endif
}

/* At 5 % beyond, not at 5 %; not after a few attempts; once. */
static void drift_is_warned_of_once(void)
{
    struct target_states states;
    struct snapshot snapshot;
    target_states_init(&states);
    EXPECT(target_states_attach(&states, snapshot_of(&snapshot, "x", "y")));
    snapshot.price_drift_permille = 50;
    const struct target *target = &snapshot.policy.targets[0];
    const struct target *other = &snapshot.policy.targets[1];
    struct target_state *state = target_state_of(target);
    for (int i = 1; i < DRIFT_ATTEMPTS_LEAST; i++) {
        target_state_told(&snapshot, target, 2000, 1000);
    }
    EXPECT(!atomic_load(&state->drift_said));
    target_state_told(&snapshot, target, 2000, 1000);
    EXPECT(atomic_load(&state->drift_said));
    EXPECT_INT(atomic_load(&state->told_nd), 20000);
    EXPECT_INT(atomic_load(&state->catalogue_nd), 10000);
    for (int i = 0; i < 20; i++) {
        target_state_told(&snapshot, other, 950, 1000);
    }
    state = target_state_of(other);
    EXPECT(!atomic_load(&state->drift_said)); /* exactly the share */
    target_state_told(&snapshot, other, 949, 1000);
    EXPECT(atomic_load(&state->drift_said)); /* cheaper, too */
    target_states_release(&states);
}

int main(void)
{
    TEST(survives_reload, "state belongs to the name and survives reloads");
    TEST(drift_is_warned_of_once, "a price that drifts is warned of once");
    TEST(memory_fails, "without memory nothing is half attached");
    return tap_done();
}

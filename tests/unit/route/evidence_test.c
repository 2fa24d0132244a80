/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of answers: counted, fading, bounded, and never of somebody else. */
#include "route/evidence.h"

#include "base/hash.h"
#include "base/memory.h"

#include "tests/tap.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#define START_S INT64_C(1800000000)

static struct evidence *table;
static const struct target small = {.name = SLICE_INIT("small")};
static const struct target large = {.name = SLICE_INIT("large")};

static void begin(void)
{
    evidence_free(table);
    table = evidence_new();
    evidence_tick(table, START_S);
}

static struct evidence_counts counts_of(uint64_t tag, const struct target *target)
{
    struct evidence_counts counts = {-1, -1};
    const struct evidence_row *row = evidence_find(table, tag);
    if (row == NULL || !evidence_read(table, row, tag, target, &counts)) {
        return (struct evidence_counts){-1, -1};
    }
    return counts;
}

static bool near(double actual, double wanted)
{
    bool is = fabs(actual - wanted) < 0.002 + wanted * 0.001;
    if (!is) {
        printf("# %f is not %f\n", actual, wanted);
    }
    return is;
}

static bool counts_are(uint64_t tag, const struct target *target, double good, double bad)
{
    struct evidence_counts counts = counts_of(tag, target);
    return near(counts.good, good) && near(counts.bad, bad);
}

static void counts_scores_by_tag_and_target(void)
{
    uint64_t mail = evidence_tag(SLICE("mail"));
    begin();
    EXPECT(evidence_find(table, mail) == NULL);
    evidence_add(table, mail, &small, 1, 1);
    evidence_add(table, mail, &small, 0.25, 2);
    evidence_add(table, evidence_task(TASK_MATH), &large, 0, 1);
    EXPECT(counts_are(mail, &small, 1.5, 1.5));
    EXPECT(counts_are(evidence_task(TASK_MATH), &large, 0, 1));
    EXPECT(counts_of(mail, &large).good < 0);
    EXPECT(evidence_find(table, evidence_tag(SLICE("male"))) == NULL);
    EXPECT(evidence_find(table, evidence_task(TASK_CHAT)) == NULL);
}

static void fades_by_half_in_a_half_life(void)
{
    uint64_t tag = evidence_tag(SLICE("t"));
    begin();
    evidence_add(table, tag, &small, 0.75, 16);
    evidence_tick(table, START_S + EVIDENCE_HALF_LIFE_S / 2);
    EXPECT(counts_are(tag, &small, 9, 3));
    evidence_tick(table, START_S + EVIDENCE_HALF_LIFE_S);
    EXPECT(counts_are(tag, &small, 6, 2));
    evidence_tick(table, START_S); /* time does not go back */
    evidence_add(table, tag, &small, 1, 2);
    EXPECT(counts_are(tag, &small, 8, 2));
    evidence_tick(table, START_S + 3 * EVIDENCE_HALF_LIFE_S);
    EXPECT(counts_are(tag, &small, 2, 0.5));
    evidence_tick(table, START_S + 300 * EVIDENCE_HALF_LIFE_S);
    EXPECT(counts_are(tag, &small, 0, 0));
}

static void what_is_old_counts_as_old(void)
{
    uint64_t tag = evidence_tag(SLICE("t"));
    begin();
    evidence_add_named(table, 0, tag, SLICE("small"), 1, 8, EVIDENCE_HALF_LIFE_S);
    evidence_add_named(table, 0, tag, SLICE("small"), 0, 8, 0);
    EXPECT(counts_are(tag, &small, 4, 8));
}

static void a_negative_weight_takes_back(void)
{
    uint64_t tag = evidence_tag(SLICE("t"));
    begin();
    evidence_add(table, tag, &small, 1, 3);
    evidence_add(table, tag, &small, 1, -1);
    evidence_add(table, tag, &small, 0, 1);
    EXPECT(counts_are(tag, &small, 2, 1));
    evidence_add(table, tag, &small, 1, -16); /* never below nothing */
    EXPECT(counts_are(tag, &small, 0, 1));
}

static void what_is_no_number_changes_nothing(void)
{
    static const double bad[] = {-0.001, 1.001, (double)NAN, (double)INFINITY, -(double)INFINITY};
    uint64_t tag = evidence_tag(SLICE("t"));
    begin();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        evidence_add(table, tag, &small, bad[i], 1);
    }
    evidence_add(table, tag, &small, 1, (double)NAN);
    evidence_add(table, tag, &small, 1, EVIDENCE_WEIGHT_MAX * 1.01);
    evidence_add(table, 0, &small, 1, 1);
    evidence_add(NULL, tag, &small, 1, 1);
    EXPECT(evidence_find(table, tag) == NULL && evidence_find(table, 0) == NULL);
    EXPECT(evidence_find(NULL, tag) == NULL);
}

static void counts_have_a_ceiling_and_keep_their_share(void)
{
    uint64_t tag = evidence_tag(SLICE("t"));
    begin();
    for (int i = 0; i < 2000; i++) {
        evidence_add(table, tag, &small, 0.75, EVIDENCE_WEIGHT_MAX);
    }
    EXPECT(counts_are(tag, &small, EVIDENCE_COUNT_MAX * 0.75, EVIDENCE_COUNT_MAX * 0.25));
}

/* The same in every run: where tags stand decides what displaces what. */
static uint64_t numbered(int i)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "tag-%d", i);
    return hash_stable(slice_of(text, (size_t)len)) | UINT64_C(1) << 63;
}

static void tags_without_end_displace_the_oldest_and_no_task(void)
{
    int known = 0;
    begin();
    evidence_add(table, evidence_task(TASK_CHAT), &small, 1, 1);
    for (int i = 0; i < 20 * EVIDENCE_TAGS_MAX; i++) {
        evidence_add(table, numbered(i), &small, 1, 1);
        EXPECT(counts_are(numbered(i), &small, 1, 0));
    }
    for (int i = 0; i < 20 * EVIDENCE_TAGS_MAX; i++) {
        known += evidence_find(table, numbered(i)) != NULL;
    }
    EXPECT_INT(known, EVIDENCE_TAGS_MAX);
    EXPECT(evidence_find(table, numbered(0)) == NULL);
    EXPECT(counts_are(evidence_task(TASK_CHAT), &small, 1, 0));
}

/* Between any two uses of it less than a set's worth of others fall into its set. */
static void a_tag_in_use_stays(void)
{
    uint64_t tag = evidence_tag(SLICE("in use"));
    begin();
    for (int i = 0; i < 4 * EVIDENCE_TAGS_MAX; i++) {
        evidence_add(table, numbered(i), &small, 1, 1);
        if (i % 4 == 0) {
            evidence_add(table, tag, &large, 1, 1);
        }
    }
    EXPECT(counts_are(tag, &large, EVIDENCE_TAGS_MAX, 0));
}

/* A few tags of many keys each, then one key that invents without end. */
static void no_key_displaces_the_others(void)
{
    enum { KEYS = 64, EACH = 8 };
    int known = 0;
    int own = 0;
    begin();
    for (int i = 0; i < KEYS * EACH; i++) {
        evidence_add_named(table, 1 + (uint64_t)(i % KEYS), numbered(i), SLICE("small"), 1, 1, 0);
    }
    for (int i = KEYS * EACH; i < 10 * EVIDENCE_TAGS_MAX; i++) {
        evidence_add_named(table, 1000, numbered(i), SLICE("small"), 1, 1, 0);
    }
    for (int i = 0; i < 10 * EVIDENCE_TAGS_MAX; i++) {
        bool is = evidence_find(table, numbered(i)) != NULL;
        known += is && i < KEYS * EACH;
        own += is && i >= KEYS * EACH;
    }
    EXPECT_INT(known, KEYS * EACH);
    EXPECT_INT(own, EVIDENCE_TAGS_MAX - KEYS * EACH);
    /* what it has beyond its share others may take: 2,000 tags of a second key fill half */
    for (int i = 0; i < 20 * EVIDENCE_TAGS_MAX; i++) {
        evidence_add_named(table, 2000, numbered(-1 - i), SLICE("small"), 1, 1, 0);
    }
    own = 0;
    for (int i = KEYS * EACH; i < 10 * EVIDENCE_TAGS_MAX; i++) {
        own += evidence_find(table, numbered(i)) != NULL;
    }
    EXPECT(own > EVIDENCE_TAGS_MAX * 3 / 10 && own < EVIDENCE_TAGS_MAX * 6 / 10);
}

static void fill_with_nobodys(void)
{
    begin();
    for (int i = 0; i < 10 * EVIDENCE_TAGS_MAX; i++) {
        evidence_add(table, numbered(i), &small, 1, 1);
    }
}

/* As after a restart: a full table, and nobody knows who brought what. */
static void what_is_nobodys_is_one_owners(void)
{
    int known = 0;
    int kept = 0;
    fill_with_nobodys();
    for (int i = 0; i < 10 * EVIDENCE_TAGS_MAX; i++) {
        evidence_add_named(table, 7, numbered(-1 - i), SLICE("small"), 1, 1, 0);
    }
    for (int i = 0; i < 10 * EVIDENCE_TAGS_MAX; i++) {
        known += evidence_find(table, numbered(-1 - i)) != NULL;
        kept += evidence_find(table, numbered(i)) != NULL;
    }
    EXPECT_INT(known, EVIDENCE_TAGS_MAX / 2);
    EXPECT_INT(kept, EVIDENCE_TAGS_MAX / 2);
}

/* Where nobody's tags come without end, those that a key has used stay: nobody's use of them
 * does not take them back. */
static void who_uses_what_is_nobodys_has_it(void)
{
    enum { USED = 3, END = 10 * EVIDENCE_TAGS_MAX };
    fill_with_nobodys();
    for (int i = END - USED; i < END; i++) {
        evidence_add_named(table, 7, numbered(i), SLICE("small"), 1, 1, 0);
        evidence_add_named(table, 0, numbered(i), SLICE("small"), 1, 1, 0);
    }
    for (int i = 0; i < END; i++) {
        evidence_add(table, numbered(-1 - i), &small, 1, 1);
    }
    for (int i = END - USED; i < END; i++) {
        EXPECT(counts_are(numbered(i), &small, 3, 0));
    }
}

static void targets_without_end_displace_the_oldest(void)
{
    uint64_t tag = evidence_tag(SLICE("t"));
    char names[3 * EVIDENCE_TARGETS_MAX][16];
    int known = 0;
    begin();
    for (int i = 0; i < 3 * EVIDENCE_TARGETS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "%d", i);
        const struct target target = {.name = slice_from_cstr(names[i])};
        evidence_tick(table, START_S + i * 20000);
        evidence_add(table, tag, &target, 1, 1);
        EXPECT(counts_are(tag, &target, 1, 0));
    }
    for (int i = 0; i < 3 * EVIDENCE_TARGETS_MAX; i++) {
        const struct target target = {.name = slice_from_cstr(names[i])};
        known += counts_of(tag, &target).good > 0;
        EXPECT(i >= 2 * EVIDENCE_TARGETS_MAX || counts_of(tag, &target).good < 0);
    }
    EXPECT_INT(known, EVIDENCE_TARGETS_MAX);
}

static void memory_that_is_missing_is_no_table(void)
{
#ifdef SLUICE_FAULTS
    memory_fail_nth(0);
    EXPECT(evidence_new() == NULL);
    memory_fail_nth(-1);
#endif
    evidence_free(NULL);
}

/* --- several threads --- */

static atomic_bool stop;

static void *add_much(void *argument)
{
    for (int i = 0; i < 20000; i++) {
        evidence_add(table, numbered(i), argument, 1, 1);
        evidence_add(table, evidence_task(TASK_MATH), argument, 1, 1);
    }
    return NULL;
}

/* Good answers only: whatever is displaced meanwhile, nobody ever reads a bad one. */
static void *read_much(void *argument)
{
    size_t *wrong = argument;
    while (!atomic_load(&stop)) {
        for (int i = 0; i < 500; i++) {
            struct evidence_counts counts = counts_of(numbered(i), &small);
            *wrong += counts.good >= 0 && (counts.bad > 0 || counts.good > EVIDENCE_COUNT_MAX);
        }
    }
    return NULL;
}

static void readers_see_whole_counts(void)
{
    pthread_t threads[3];
    size_t wrong = 0;
    begin();
    atomic_store(&stop, false);
    pthread_create(&threads[0], NULL, add_much, (void *)(uintptr_t)&small);
    pthread_create(&threads[1], NULL, add_much, (void *)(uintptr_t)&large);
    pthread_create(&threads[2], NULL, read_much, &wrong);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    atomic_store(&stop, true);
    pthread_join(threads[2], NULL);
    EXPECT_INT(wrong, 0);
    /* None was lost but at the ceiling. */
    EXPECT(counts_are(evidence_task(TASK_MATH), &small, EVIDENCE_COUNT_MAX, 0));
    EXPECT(counts_are(evidence_task(TASK_MATH), &large, EVIDENCE_COUNT_MAX, 0));
}

int main(void)
{
    TEST(counts_scores_by_tag_and_target, "scores are counted by tag and target");
    TEST(fades_by_half_in_a_half_life, "counts fade by half in a half-life");
    TEST(what_is_old_counts_as_old, "what is added late counts as old as it is");
    TEST(a_negative_weight_takes_back, "a negative weight takes back");
    TEST(what_is_no_number_changes_nothing, "what is no number changes nothing");
    TEST(counts_have_a_ceiling_and_keep_their_share, "at the ceiling the share stays");
    TEST(tags_without_end_displace_the_oldest_and_no_task,
         "tags without end displace the oldest, and no task");
    TEST(no_key_displaces_the_others, "tags of one key without end displace its own");
    TEST(what_is_nobodys_is_one_owners, "what is nobody's counts as one owner's, who shares");
    TEST(who_uses_what_is_nobodys_has_it, "a key that uses what is nobody's has it");
    TEST(a_tag_in_use_stays, "a tag in use stays");
    TEST(targets_without_end_displace_the_oldest, "targets without end displace the oldest");
    TEST(memory_that_is_missing_is_no_table, "memory that is missing is no table");
    TEST(readers_see_whole_counts, "readers see whole counts while others write");
    evidence_free(table);
    return tap_done();
}

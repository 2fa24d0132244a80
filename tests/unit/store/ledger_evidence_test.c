/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence as records and as sums of the ledger: once each, by day, replaced and not lost. */
#include "store/ledger_evidence.h"

#include "tests/unit/store/ledger_testing.h"

#include <math.h>

#define DAY_NS (INT64_C(86400) * NS_PER_S)
#define TODAY (clock_wall(&clock_system) / DAY_NS - 10) /* what is old is removed */

static struct evidence_record sample(unsigned call, enum evidence_source source, uint32_t ppm)
{
    struct evidence_record record = {
        .wall_ns = TODAY * DAY_NS,
        .source = source,
        .score_ppm = ppm,
        .weight_ppm = EVIDENCE_PPM,
        .success_permille = 850,
        .key_id = 7,
        .task = TASK_MATH,
        .tag = SLICE("invoices"),
        .route = SLICE("auto"),
        .target = SLICE("small"),
        .label = SLICE("as wished"),
    };
    record.call.bytes[0] = (uint8_t)call;
    return record;
}

/* --- records --- */

static void records_come_back(void)
{
    char bytes[EVIDENCE_BYTES_MAX];
    struct evidence_record back;
    const struct evidence_record record = sample(3, EVIDENCE_FEEDBACK, 123456);
    size_t len = evidence_record_encode(&record, bytes);
    EXPECT(evidence_record_decode(slice_of(bytes, len), &back));
    EXPECT(memcmp(&back.call, &record.call, sizeof(back.call)) == 0);
    EXPECT_INT(back.wall_ns, record.wall_ns);
    EXPECT_INT(back.source, EVIDENCE_FEEDBACK);
    EXPECT_INT(back.score_ppm, 123456);
    EXPECT_INT(back.weight_ppm, EVIDENCE_PPM);
    EXPECT_INT(back.success_permille, 850);
    EXPECT(back.key_id == 7 && back.task == TASK_MATH);
    EXPECT_SLICE(back.tag, "invoices");
    EXPECT_SLICE(back.route, "auto");
    EXPECT_SLICE(back.target, "small");
    EXPECT_SLICE(back.label, "as wished");
    for (size_t cut = 0; cut < len; cut++) {
        EXPECT(!evidence_record_decode(slice_of(bytes, cut), &back));
    }
    bytes[len] = 'x';
    EXPECT(!evidence_record_decode(slice_of(bytes, len + 1), &back));
}

static void what_makes_no_sense_is_no_record(void)
{
    char bytes[EVIDENCE_BYTES_MAX];
    struct evidence_record back;
    struct evidence_record wrong[5];
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        wrong[i] = sample(1, EVIDENCE_VERDICT, 5);
    }
    wrong[0].source = (enum evidence_source)4;
    wrong[1].score_ppm = EVIDENCE_PPM + 1;
    wrong[2].weight_ppm = EVIDENCE_WEIGHT_PPM_MAX + 1;
    wrong[3].success_permille = 1001;
    wrong[4].task = TASK_COUNT;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        size_t len = evidence_record_encode(&wrong[i], bytes);
        EXPECT(!evidence_record_decode(slice_of(bytes, len), &back));
    }
}

static void long_texts_are_cut_between_characters(void)
{
    char bytes[EVIDENCE_BYTES_MAX];
    char text[301];
    struct evidence_record back;
    struct evidence_record record = sample(1, EVIDENCE_FEEDBACK, 0);
    memset(text, 'a', sizeof(text));
    memcpy(text + 254, "\xc3\xbc", 2);
    record.tag = record.route = record.target = record.label = slice_of(text, 300);
    size_t len = evidence_record_encode(&record, bytes);
    EXPECT(len <= sizeof(bytes));
    EXPECT(evidence_record_decode(slice_of(bytes, len), &back));
    EXPECT_INT(back.label.len, 254);
}

/* --- the ledger --- */

static struct {
    size_t count;
    double weight;
    double score;
} told;

static void on_evidence(void *user, const struct evidence_change *changes, size_t count)
{
    (void)user;
    for (size_t i = 0; i < count; i++) {
        told.count++;
        told.weight += changes[i].weight;
        told.score += changes[i].weight * changes[i].score;
    }
}

static bool say(struct ledger *ledger, unsigned call, enum evidence_source source, uint32_t ppm,
                int64_t days_later)
{
    struct evidence_record record = sample(call, source, ppm);
    record.wall_ns += days_later * DAY_NS;
    return journal_evidence(ledger_journal(ledger), &record) && ledger_flush(ledger, 10000);
}

struct found {
    size_t rows;
    double good[EVIDENCE_OF_CHECK + 1];
    double bad[EVIDENCE_OF_CHECK + 1];
};

static void find(void *user, const struct evidence_sum *sum)
{
    struct found *found = user;
    found->rows++;
    found->good[sum->of] += sum->good;
    found->bad[sum->of] += sum->bad;
    switch (sum->of) {
    case EVIDENCE_OF_TASK:
        EXPECT(sum->task == TASK_MATH && sum->name.len == 0);
        break;
    case EVIDENCE_OF_TAG:
        EXPECT_SLICE(sum->name, "invoices");
        break;
    case EVIDENCE_OF_CHECK:
        EXPECT_SLICE(sum->name, "as wished");
        break;
    case EVIDENCE_OF_ROUTE:
        EXPECT_SLICE(sum->name, "auto");
        EXPECT_SLICE(sum->target, "8");
        return;
    }
    EXPECT_SLICE(sum->target, "small");
}

static struct found read_all(int64_t days_later)
{
    struct found found = {0};
    struct error error;
    EXPECT(ledger_evidence_read(ledger_path, (TODAY + days_later) * 86400, find, &found, &error));
    return found;
}

static void expect_sums(const struct found *found, double good, double bad)
{
    for (int of = EVIDENCE_OF_TASK; of <= EVIDENCE_OF_ROUTE; of++) {
        bool same = fabs(found->good[of] - good) < 1e-6 && fabs(found->bad[of] - bad) < 1e-6;
        if (!same) {
            printf("# %d: %f and %f\n", of, found->good[of], found->bad[of]);
        }
        EXPECT(same);
    }
}

static void verdicts_add_up_and_feedback_replaces(void)
{
    begin();
    told.count = 0;
    told.weight = told.score = 0;
    struct ledger *ledger = open_ledger_with((struct ledger_options){.on_evidence = on_evidence});
    EXPECT(say(ledger, 1, EVIDENCE_VERDICT, 1000000, 0));
    EXPECT(say(ledger, 1, EVIDENCE_VERDICT, 0, 0));
    EXPECT(say(ledger, 2, EVIDENCE_FEEDBACK, 250000, 0));
    struct found found = read_all(0);
    EXPECT_INT(found.rows, 3);
    expect_sums(&found, 1.25, 1.75);
    EXPECT(say(ledger, 2, EVIDENCE_FEEDBACK, 1000000, 2)); /* what is taken back is of its day */
    found = read_all(2);
    EXPECT_INT(found.rows, 6);
    expect_sums(&found, 2, 1);
    EXPECT(say(ledger, 2, EVIDENCE_FEEDBACK, 1000000, 2));
    found = read_all(2);
    expect_sums(&found, 2, 1);
    EXPECT_INT(ask("SELECT count(*) FROM feedback"), 1);
    EXPECT_INT(ask("SELECT score_ppm FROM feedback"), 1000000);
    EXPECT_INT(ask("SELECT length(label) FROM feedback"), 9);
    EXPECT_INT(told.count, 7 * 3); /* two of them were taken back */
    EXPECT(fabs(told.weight - 3 * 3) < 1e-9 && fabs(told.score - 3 * 2) < 1e-9);
    ledger_close(ledger, 1000);
    end();
}

static void what_a_check_said_is_summed_apart(void)
{
    begin();
    struct ledger *ledger = open_ledger_with((struct ledger_options){.batch_ms = 1});
    EXPECT(say(ledger, 1, EVIDENCE_CHECK, 250000, 0));
    EXPECT(say(ledger, 1, EVIDENCE_CHECK, 1000000, 0)); /* adds up: it is no feedback */
    struct found found = read_all(0);
    EXPECT_INT(found.rows, 1);
    EXPECT(fabs(found.good[EVIDENCE_OF_CHECK] - 1.25) < 1e-6);
    EXPECT(fabs(found.bad[EVIDENCE_OF_CHECK] - .75) < 1e-6);
    EXPECT(found.good[EVIDENCE_OF_TASK] == 0 && found.bad[EVIDENCE_OF_TAG] == 0);
    EXPECT_INT(ask("SELECT count(*) FROM feedback"), 0);
    ledger_close(ledger, 1000);
    end();
}

/* The first process appends and is not seen any more: its journal is all that there is. */
static void what_is_in_the_journal_counts_once_after_a_restart(void)
{
    begin();
    told.count = 0;
    struct ledger *ledger = open_ledger_with((struct ledger_options){.batch_ms = 100000000});
    struct evidence_record record = sample(9, EVIDENCE_FEEDBACK, 1000000);
    EXPECT(journal_evidence(ledger_journal(ledger), &record));
    ledger_close(ledger, 0);
    for (int i = 0; i < 3; i++) {
        ledger = open_ledger_with((struct ledger_options){.on_evidence = on_evidence});
        ledger_close(ledger, 1000);
        struct found found = read_all(0);
        expect_sums(&found, 1, 0);
    }
    EXPECT_INT(told.count, 0); /* replayed before anybody listens */
    end();
}

static void what_is_too_old_is_not_read(void)
{
    begin();
    struct ledger *ledger = open_ledger();
    EXPECT(say(ledger, 1, EVIDENCE_VERDICT, 1000000, 0));
    EXPECT_INT(read_all(EVIDENCE_DAYS_KEPT).rows, 3);
    EXPECT_INT(read_all(EVIDENCE_DAYS_KEPT + 1).rows, 0);
    ledger_close(ledger, 1000);
    end();
}

int main(void)
{
    TEST(records_come_back, "a record comes back as it was, and no part of it does");
    TEST(what_makes_no_sense_is_no_record, "what makes no sense is no record");
    TEST(long_texts_are_cut_between_characters, "long texts are cut between characters");
    TEST(verdicts_add_up_and_feedback_replaces, "verdicts add up, feedback replaces, sums follow");
    TEST(what_a_check_said_is_summed_apart, "what a check said is summed apart");
    TEST(what_is_in_the_journal_counts_once_after_a_restart,
         "what is in the journal counts once after a restart");
    TEST(what_is_too_old_is_not_read, "what is too old is not read");
    return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Offers and what charges are made of: recorded once, read back, and computed again. */
#include "store/ledger.h"

#include "store/report.h"
#include "tests/unit/store/offers_testing.h"

#define CALL_SEED 1000

static struct arena arena;

static void write_example(struct example *e)
{
    begin();
    example_init(e, CALL_SEED);
    struct ledger *ledger = open_ledger();
    EXPECT(journal_all(ledger_journal(ledger), e, CALL_SEED));
    ledger_close(ledger, 5000);
}

/* One attempt, which is in its call's row. */
static void write_single(struct example *e, enum charge_basis basis)
{
    struct hold_record hold = sample_hold(CALL_SEED, 1);
    begin();
    example_init(e, CALL_SEED);
    e->answer.attempt = 1;
    e->answer.basis = basis;
    e->call.attempts = 1;
    e->call.cost_nd = e->answer.cost_nd;
    struct ledger *ledger = open_ledger();
    struct journal *journal = ledger_journal(ledger);
    EXPECT(journal_offer(journal, &e->dear) && journal_offer(journal, &e->baseline) &&
           journal_hold(journal, &hold) && journal_settle_and_call(journal, &e->answer, &e->call));
    ledger_close(ledger, 5000);
    EXPECT_INT(ask("SELECT count(*) FROM call_rows WHERE bits & 8"), 1);
}

static void a_call_knows_its_offers(void)
{
    struct example e;
    struct call_detail detail;
    struct error error;
    write_example(&e);
    EXPECT_INT(ask("SELECT count(*) FROM offers"), 3);
    EXPECT_INT(ask("SELECT count(*) FROM offer_rates"), 6);
    EXPECT(report_call(ledger_path, e.call.call, &arena, &detail, &error));
    EXPECT(slice_eq(detail.row.call.candidates, e.call.candidates));
    EXPECT_INT(detail.offer_count, 3);
    const struct offer *offer = call_detail_offer(&detail, e.cheap.id);
    EXPECT(offer != NULL && is_same_price(&offer->price, &e.cheap.price));
    EXPECT(offer != NULL && slice_eq(offer->target, e.cheap.target));
    EXPECT(call_detail_offer(&detail, 99) == NULL);
    EXPECT_INT(detail.count, 2);
    EXPECT(detail.attempts[1].offer == e.dear.id);
    EXPECT_INT(detail.attempts[1].basis, CHARGE_PRICE);
    EXPECT(detail.row.call.baseline_offer == e.baseline.id);
    expect_sound();
    end();
}

/* By hand: 500 plain and 400 cached tokens in, 50 out, 7 nano-dollars a request. */
static void savings_are_what_is_left_after_failures(void)
{
    struct example e;
    struct call_detail detail;
    struct savings savings;
    struct error error;
    write_example(&e);
    EXPECT(report_call(ledger_path, e.call.call, &arena, &detail, &error));
    call_savings(&detail, &savings);
    EXPECT_INT(savings.baseline_nd, (500 * 30000 + 400 * 3000) + 50 * 60000 + 7);
    EXPECT_INT(savings.answers_nd, (500 * 3000 + 400 * 300) + 50 * 15000 + 7);
    EXPECT_INT(savings.failed_nd, (500 * 100 + 400 * 10) + 50 * 400 + 7);
    EXPECT_INT(savings.gross_nd, savings.baseline_nd - savings.answers_nd);
    EXPECT_INT(savings.net_nd, savings.gross_nd - savings.failed_nd);
    EXPECT_INT(savings.net_nd, savings.baseline_nd - detail.row.call.cost_nd);
    /* What the answer would have cost where it was not asked; the failed attempt counts nowhere. */
    EXPECT_INT(call_cost_at(&detail, call_detail_offer(&detail, e.cheap.id)),
               (500 * 100 + 400 * 10) + 50 * 400 + 7);
    end();
}

static void a_judge_costs_savings_and_saves_none(void)
{
    struct example e;
    struct savings savings;
    example_init(&e, CALL_SEED);
    struct settle_record attempts[2] = {e.failed, e.answer};
    struct call_detail detail = {
        .row = {.call = e.call}, .attempts = attempts, .count = ARRAY_LEN(attempts)};
    attempts[0].purpose = ATTEMPT_FOR_JUDGE;
    attempts[0].outcome = ATTEMPT_OK;
    call_savings(&detail, &savings);
    EXPECT_INT(savings.failed_nd, 0);
    EXPECT_INT(savings.extra_nd[ATTEMPT_FOR_JUDGE], e.failed.cost_nd);
    EXPECT_INT(savings.net_nd, savings.gross_nd - e.failed.cost_nd);
    EXPECT_INT(call_cost_at(&detail, &e.baseline), e.call.baseline_nd);
}

struct wrong {
    const char *sql;
    const char *found;
};

static void expect_found(const struct wrong *wrong)
{
    struct error error = {0};
    EXPECT(change(wrong->sql));
    EXPECT(!ledger_verify(ledger_path, &error));
    if (strstr(error.text, wrong->found) == NULL) {
        tap_point_failed = true;
        printf("# after %s\n# found: %s\n", wrong->sql, error.text);
    }
}

static void charges_are_computed_again(void)
{
    static const struct wrong wrongs[] = {
        {"UPDATE offer_rates SET input_pd = input_pd + 1000",
         "a charge is not the usage at its price"},
        {"UPDATE offers SET per_request_nd = 8", "a charge is not the usage at its price"},
        {"UPDATE attempt_rows SET cache_read = 0", "a charge is not the usage at its price"},
        {"UPDATE attempt_rows SET basis = 1", "nothing was charged for"},
        {"UPDATE attempt_rows SET basis = 3, provider_nd = 1",
         "a charge is not what the provider said"},
        {"UPDATE attempt_rows SET basis = 3, provider_nd = cost_nd, catalogue_nd = cost_nd + 1",
         "what the catalogue says of a charge is not the usage at its price"},
        {"UPDATE attempt_rows SET basis = 4; UPDATE offers SET per_request_nd = 6",
         "a charge is more than the usage at its price"},
        {"UPDATE attempt_rows SET basis = 5, held_nd = cost_nd + 1", "a charge is not its hold"},
        {"UPDATE attempt_rows SET basis = 7", "a charge is not the most that its usage can cost"},
        {"UPDATE attempt_rows SET basis = 8", "nobody knows what a charge is made of"},
        {"UPDATE attempt_rows SET purpose = 4", "nobody knows what an attempt was for"},
        {"UPDATE shapes SET baseline_offer = (SELECT o.id FROM offers o JOIN names n ON"
         " n.id = o.target WHERE n.name = 'dear')",
         "a baseline is not the usage at the baseline's price"},
        {"UPDATE attempt_rows SET purpose = 1",
         "a baseline is not the usage at the baseline's price"},
    };
    struct example e;
    for (size_t i = 0; i < ARRAY_LEN(wrongs); i++) {
        write_example(&e);
        expect_sound();
        expect_found(&wrongs[i]);
        end();
    }
}

static void charges_in_the_calls_row_are_computed_again(void)
{
    static const struct wrong wrongs[] = {
        {"UPDATE call_rows SET cache_read = 1", "a charge is not the usage at its price"},
        {"UPDATE call_rows SET bits = bits & ~(7 << 12) | (1 << 12)", "nothing was charged for"},
        {"UPDATE call_rows SET baseline_nd = baseline_nd + 1", "the sums of the hours are wrong"},
        {"UPDATE call_rows SET baseline_nd = baseline_nd + 1;"
         "UPDATE rollups SET baseline_nd = baseline_nd + 1",
         "a baseline is not the usage at the baseline's price"},
    };
    struct example e;
    for (size_t i = 0; i < ARRAY_LEN(wrongs); i++) {
        write_single(&e, CHARGE_PRICE);
        expect_sound();
        expect_found(&wrongs[i]);
        end();
    }
}

/* A model that reasons and draws, with a price for each: all of it is kept, and computed again. */
static void images_and_reasoning_are_computed_again(void)
{
    static const struct wrong wrongs[] = {
        {"UPDATE attempt_rows SET image_output = image_output - 1 WHERE attempt = 2",
         "a charge is not the usage at its price"},
        {"UPDATE attempt_rows SET image_input = image_input + 1 WHERE attempt = 2",
         "a charge is not the usage at its price"},
        {"UPDATE attempt_rows SET reasoning = 0 WHERE attempt = 2",
         "a charge is not the usage at its price"},
        {"UPDATE offer_rates SET image_output_pd = -1", "a charge is not the usage at its price"},
        {"UPDATE offer_rates SET reasoning_pd = reasoning_pd + 1000 WHERE reasoning_pd >= 0",
         "a charge is not the usage at its price"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrongs); i++) {
        struct example e;
        struct call_detail detail;
        struct error error;
        begin();
        example_init(&e, CALL_SEED);
        e.dear.price.base.reasoning = 3000000;
        e.dear.price.base.image_input = 4000000;
        e.dear.price.base.image_output = 30000000;
        offer_identify(&e.dear);
        struct usage *usage = &e.answer.usage;
        *usage = (struct usage){.input = 900,
                                .output = 1500,
                                .reasoning = 100,
                                .image_input = 258,
                                .image_output = 1290,
                                .reported = true};
        e.answer.offer = e.dear.id;
        e.answer.cost_nd = price_cost(&e.dear.price, usage);
        EXPECT_INT(e.answer.cost_nd,
                   642 * 3000 + 258 * 4000 + 1290 * 30000 + 100 * 3000 + 110 * 15000 + 7);
        e.call.cost_nd = e.failed.cost_nd + e.answer.cost_nd;
        e.call.baseline_nd = price_cost(&e.baseline.price, usage);
        e.call.output_tokens = usage->output;
        struct ledger *ledger = open_ledger();
        EXPECT(journal_all(ledger_journal(ledger), &e, CALL_SEED));
        ledger_close(ledger, 5000);
        EXPECT(report_call(ledger_path, e.call.call, &arena, &detail, &error));
        EXPECT_INT(detail.attempts[1].usage.image_output, 1290);
        EXPECT_INT(detail.attempts[1].usage.image_input, 258);
        const struct offer *offer = call_detail_offer(&detail, e.dear.id);
        EXPECT(offer != NULL && is_same_price(&offer->price, &e.dear.price));
        expect_sound();
        expect_found(&wrongs[i]);
        end();
    }
}

/* The catalogue has a price, and the provider says that it was nothing: the difference is in every
 * sum. */
static void what_a_provider_gives_for_nothing_is_sound(void)
{
    struct example e;
    struct hold_record hold = sample_hold(CALL_SEED, 1);
    begin();
    example_init(&e, CALL_SEED);
    e.answer.attempt = e.call.attempts = 1;
    hold.key_id = e.answer.key_id = e.call.key_id = 1;
    e.answer.basis = CHARGE_PROVIDER;
    e.answer.catalogue_nd = e.answer.cost_nd;
    e.answer.usage.has_provider_cost = true;
    e.answer.usage.provider_cost_nd = 0;
    e.answer.cost_nd = e.call.cost_nd = 0;
    struct ledger *ledger = open_ledger();
    struct journal *journal = ledger_journal(ledger);
    EXPECT(journal_offer(journal, &e.dear) && journal_offer(journal, &e.baseline) &&
           journal_hold(journal, &hold) && journal_settle_and_call(journal, &e.answer, &e.call));
    ledger_close(ledger, 5000);
    EXPECT(ask("SELECT min(catalogue_nd) FROM rollups WHERE dimension IN (0, 1, 4, 5)") > 0);
    EXPECT(ask("SELECT min(catalogue_nd) FROM key_rollups") > 0);
    expect_sound();
    end();
}

static void offers_that_were_not_recorded_are_no_violation(void)
{
    struct example e;
    struct call_detail detail;
    struct error error;
    write_single(&e, CHARGE_PRICE);
    EXPECT(change("DELETE FROM offers; DELETE FROM offer_rates"));
    expect_sound();
    EXPECT(report_call(ledger_path, e.call.call, &arena, &detail, &error));
    EXPECT_INT(detail.offer_count, 0);
    EXPECT_INT(detail.attempts[0].basis, CHARGE_PRICE);
    end();
}

int main(void)
{
    arena_init(&arena, 1u << 24);
    TEST(a_call_knows_its_offers, "a call comes back with its candidates and all offers it names");
    TEST(savings_are_what_is_left_after_failures, "savings are what is left after failures");
    TEST(a_judge_costs_savings_and_saves_none, "a judge costs savings and saves none");
    TEST(charges_are_computed_again, "a charge that is not its usage at its price is found");
    TEST(charges_in_the_calls_row_are_computed_again,
         "so is one that is in the row of its call, and a baseline");
    TEST(images_and_reasoning_are_computed_again,
         "images and reasoning with rates of their own are computed again");
    TEST(what_a_provider_gives_for_nothing_is_sound,
         "what a provider gives for nothing is sound, and in every sum");
    TEST(offers_that_were_not_recorded_are_no_violation,
         "offers that were not recorded are no violation");
    arena_release(&arena);
    return tap_done();
}

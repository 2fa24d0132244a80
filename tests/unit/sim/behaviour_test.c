/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/behaviour.h"

#include "tests/tap.h"

static struct sim_behaviours of_model(const char *model, bool *ret_good)
{
    struct sim_behaviours set = {0};
    struct slice unknown = SLICE_EMPTY;

    *ret_good = sim_behaviours_of_model(&set, slice_from_cstr(model), &unknown);
    return set;
}

static bool adds(struct sim_behaviours *set, const char *chain)
{
    *set = (struct sim_behaviours){0};
    return sim_behaviours_add(set, slice_from_cstr(chain));
}

static void rows_are_sound(void)
{
    for (size_t i = 0; i < SIM_BEHAVIOURS; i++) {
        const struct sim_behaviour_row *row = &sim_behaviour_rows[i];
        struct sim_behaviours set = {0};
        EXPECT(row->name.len > 0 && row->help != NULL);
        EXPECT(sim_behaviours_add(&set, row->name));
        EXPECT(set.on[i]);
        EXPECT_INT(set.number[i], row->fallback);
        for (size_t j = 0; j < i; j++) {
            EXPECT(!slice_eq(row->name, sim_behaviour_rows[j].name));
        }
    }
    EXPECT(SIM_BEHAVIOURS >= 40);
}

static void chains_are_read(void)
{
    struct sim_behaviours set;

    EXPECT(adds(&set, "slow-250ms-tps-50"));
    EXPECT_INT(sim_number(&set, SIM_SLOW, 0), 250);
    EXPECT_INT(sim_number(&set, SIM_TPS, 0), 50);
    EXPECT(adds(&set, "status-429-retry-2"));
    EXPECT_INT(sim_number(&set, SIM_STATUS, 0), 429);
    EXPECT_INT(sim_number(&set, SIM_RETRY, 0), 2);
    EXPECT(!adds(&set, "usage-missing+no-done, crlf")); /* two separators in a row */
    EXPECT(adds(&set, "usage-missing+no-done,crlf") && sim_is(&set, SIM_USAGE_MISSING) &&
           sim_is(&set, SIM_NO_DONE) && sim_is(&set, SIM_CRLF));
    EXPECT(adds(&set, "") && !sim_behaviours_any(&set));
}

static void longest_name_wins(void)
{
    struct sim_behaviours set;

    EXPECT(adds(&set, "hang-mid-3") && sim_is(&set, SIM_HANG_MID) && !sim_is(&set, SIM_HANG));
    EXPECT_INT(set.number[SIM_HANG_MID], 3);
    EXPECT(adds(&set, "tools-parallel-4") && !sim_is(&set, SIM_TOOLS));
    EXPECT(adds(&set, "retry-ms-30") && !sim_is(&set, SIM_RETRY));
    EXPECT(adds(&set, "cr") && !sim_is(&set, SIM_CRLF));
}

static void unknown_names_add_nothing(void)
{
    static const char *const chains[] = {"nosuch", "reset-mid-3-nosuch", "slow-200msx", "crlfx",
                                         "hang-5", "tps-99999999999",    "tps-50--cr",  "slow-1e3"};
    struct sim_behaviours set;

    for (size_t i = 0; i < ARRAY_LEN(chains); i++) {
        EXPECT(!adds(&set, chains[i]));
        EXPECT(!sim_behaviours_any(&set));
    }
}

static void models_ask(void)
{
    bool good;
    struct sim_behaviours set = of_model("fault-reset-mid-3", &good);

    EXPECT(good && sim_number(&set, SIM_RESET_MID, 0) == 3);
    set = of_model("openai/gpt-4-fault-hang", &good);
    EXPECT(good && sim_is(&set, SIM_HANG));
    set = of_model("deepseek/deepseek-chat+usage-in-finish+blank-lines-first", &good);
    EXPECT(good && sim_is(&set, SIM_USAGE_IN_FINISH) && sim_is(&set, SIM_BLANK_LINES_FIRST));
    set = of_model("llama2:slow-20ms", &good);
    EXPECT(good && sim_number(&set, SIM_SLOW, 0) == 20);
    set = of_model("tools-parallel", &good);
    EXPECT(good && sim_is(&set, SIM_TOOLS_PARALLEL));
}

static void ordinary_models_ask_nothing(void)
{
    static const char *const models[] = {"gpt-4",         "llama2:7b",  "a/b/c", "",
                                         "claude-3+opus", "default-ai", "x-sim"};

    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        bool good;
        struct sim_behaviours set = of_model(models[i], &good);
        EXPECT(good && !sim_behaviours_any(&set));
    }
}

static void misspelt_faults_are_errors(void)
{
    struct sim_behaviours set = {0};
    struct slice unknown = SLICE_EMPTY;

    EXPECT(!sim_behaviours_of_model(&set, SLICE("x/fault-reset-middle"), &unknown));
    EXPECT_SLICE(unknown, "reset-middle");
    EXPECT(!sim_behaviours_of_body(&set, SLICE("say [[sim:hello]]"), &unknown));
    EXPECT_SLICE(unknown, "hello");
    EXPECT(!sim_behaviours_of_body(&set, SLICE("say [[sim:echo"), &unknown));
    EXPECT(!sim_behaviours_any(&set));
}

static void last_marker_counts(void)
{
    struct sim_behaviours set = {0};
    struct slice unknown;

    EXPECT(sim_behaviours_of_body(&set, SLICE("a [[sim:hang]] b [[sim:echo,tps-5]] c"), &unknown));
    EXPECT(!sim_is(&set, SIM_HANG) && sim_is(&set, SIM_ECHO));
    EXPECT_INT(sim_number(&set, SIM_TPS, 0), 5);
    set = (struct sim_behaviours){0};
    EXPECT(sim_behaviours_of_body(&set, SLICE("nothing here"), &unknown));
    EXPECT(!sim_behaviours_any(&set));
}

static void merge_keeps_the_first(void)
{
    struct sim_behaviours set;
    struct sim_behaviours more;

    EXPECT(adds(&set, "slow-5") && adds(&more, "slow-9-echo"));
    sim_behaviours_merge(&set, &more);
    EXPECT_INT(set.number[SIM_SLOW], 5);
    EXPECT(sim_is(&set, SIM_ECHO));
}

int main(void)
{
    TEST(rows_are_sound, "each of at least 40 behaviours has a name, a help and a default");
    TEST(chains_are_read, "a chain of behaviours is read with its numbers and units");
    TEST(longest_name_wins, "the longest name wins");
    TEST(unknown_names_add_nothing, "a chain with an unknown name adds nothing");
    TEST(models_ask, "a model's name asks for behaviours");
    TEST(ordinary_models_ask_nothing, "ordinary names of models ask for none");
    TEST(misspelt_faults_are_errors,
         "a misspelt behaviour after fault- or in a marker is an error");
    TEST(last_marker_counts, "the last marker of a prompt counts");
    TEST(merge_keeps_the_first, "what is set already takes precedence");
    return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_forecast.h"

#include "base/log.h"
#include "store/calibration.h"

_Static_assert(FORECAST_SIZES == HEALTH_SIZES, "records know every size");
_Static_assert(FORECAST_BUCKETS == HEALTH_LATENCY_BUCKETS, "and every bucket");

static bool makes_text(const struct call *call)
{
    return call->chat.operation == OPERATION_CHAT || call->chat.operation == OPERATION_COMPLETION;
}

void call_forecast_begin(struct call *call, const struct plan_entry *entry)
{
    call->attempt.forecast = (struct settle_forecast){
        .given = makes_text(call),
        .streamed = call->streamed,
        .task = call->task,
        .input = entry->expected_input,
        .output = entry->expected_output,
        .output_high = entry->high_output,
        .cost_nd = entry->expected_cost_nd,
        .latency_ms = entry->expected_latency_ms > 0 ? entry->expected_latency_ms : 0,
        .thinks = call->asked.thinks,
        .first_bucket = FORECAST_NO_BUCKET,
        .total_bucket = FORECAST_NO_BUCKET,
    };
}

static unsigned bucket_of_us(int64_t us)
{
    return us < 0 ? FORECAST_NO_BUCKET : health_bucket(us / 1000);
}

/* What the answer says, for the target's experience and for the ledger. */
static void learn(struct call *call, struct settle_record *record)
{
    struct attempt *attempt = &call->attempt;
    struct settle_forecast *forecast = &record->forecast;
    const struct usage *usage = &record->usage;
    const struct experience_answer answer = {
        .input = usage->input,
        .output = usage->output,
        .reasoning = usage->reasoning,
        .cut = attempt->meter.finish == FINISH_LENGTH || attempt->capped,
    };
    struct experience_logs logs;
    experience_logs(&call->asked, &answer, &logs);
    forecast->has_output = logs.has_output;
    forecast->has_thinking = logs.has_thinking;
    forecast->has_input = logs.has_input;
    forecast->log_output = logs.output;
    forecast->log_thinking = logs.thinking;
    forecast->log_input = logs.input;
    forecast->size = health_size(usage->input);
    forecast->first_bucket = bucket_of_us(record->first_byte_us);
    forecast->total_bucket = bucket_of_us(record->total_us);
    if (attempt->target->experience != NULL) {
        experience_note(attempt->target->experience, &call->asked, &logs);
    }
}

void call_forecast_settle(struct call *call, struct settle_record *record)
{
    record->forecast = call->attempt.forecast;
    if (record->forecast.given && record->outcome == ATTEMPT_OK && record->usage.reported) {
        learn(call, record);
    }
}

/* --- at the start --- */

struct seeding {
    const struct snapshot *snapshot;
    int64_t now_ns;
};

static const struct target *find_target(const struct seeding *seeding, struct slice name)
{
    uint16_t index = policy_find_target(&seeding->snapshot->policy, name);
    return index == NO_TARGET ? NULL : &seeding->snapshot->policy.targets[index];
}

static struct experience_sums sums_of(const struct learned_sums *sums)
{
    return (struct experience_sums){
        .count = sums->count, .sum = sums->sum, .squares = sums->squares};
}

static void seed_task(void *user, const struct learned_task *learned)
{
    const struct target *target = find_target(user, learned->target);
    if (target == NULL || target->experience == NULL) {
        return; /* it is not configured any more */
    }
    const struct experience_sums output = sums_of(&learned->output);
    const struct experience_sums input = sums_of(&learned->input);
    experience_seed(target->experience, EXPERIENCE_OUTPUT, learned->task, false, &output);
    experience_seed(target->experience, EXPERIENCE_INPUT, learned->task, false, &input);
    for (int thinks = 0; thinks < 2; thinks++) {
        const struct experience_sums thinking = sums_of(&learned->thinking[thinks]);
        experience_seed(target->experience, EXPERIENCE_THINKING, learned->task, thinks != 0,
                        &thinking);
    }
}

static void seed_times(void *user, const struct learned_times *learned)
{
    const struct seeding *seeding = user;
    const struct target *target = find_target(seeding, learned->target);
    if (target != NULL && target->health != NULL) {
        health_seed(target->health, true, learned->size, learned->first_byte, seeding->now_ns);
        health_seed(target->health, false, learned->size, learned->total, seeding->now_ns);
    }
}

bool forecast_seed_from(const struct snapshot *snapshot, const char *path,
                        const struct clock *clock, struct error *error)
{
    struct seeding seeding = {.snapshot = snapshot, .now_ns = clock_monotonic(clock)};
    const struct learned_visitor visitor = {
        .task = seed_task, .times = seed_times, .user = &seeding};
    return calibration_learned(path, clock_wall(clock) / NS_PER_S, &visitor, error);
}

void forecast_seed(struct gateway *gateway)
{
    struct error error;
    if (gateway->ledger_path[0] != '\0' &&
        !forecast_seed_from(gateway->snapshot, gateway->ledger_path, gateway->clock, &error)) {
        log_event(LOG_WARN, "forecast_unseeded",
                  "forecasts begin without what the ledger knows: %s", error.text);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/attempt_usage.h"

#include "gateway/attempt_bound.h"
#include "gateway/attempt_run.h"
#include "gateway/call_budget.h"

#define TOKEN_BYTES_MAX 128

/* Did the provider work for it, for all we know? It may where it has all of the request and has not
 * refused it. */
static bool is_spent(const struct attempt *attempt)
{
    const struct meter *meter = &attempt->meter;
    bool refused = attempt_refusal(attempt) >= 300 || (meter->failed && meter->events == 0);
    return meter->events > 0 || (attempt->request.sent_whole && !refused);
}

/* Was the report the last one? Some providers report before the first word, or all along. */
static bool is_final(const struct attempt *attempt)
{
    const struct meter *meter = &attempt->meter;
    return attempt->outcome == ATTEMPT_OK || meter->ended || meter->finish != FINISH_NONE ||
           !attempt->is_stream;
}

/* Output that nobody may have seen: hidden by its nature, or on its way. */
static bool may_be_unseen(const struct attempt *attempt)
{
    bool on_its_way = !attempt->is_stream && attempt->outcome != ATTEMPT_OK;
    return attempt->hides || attempt->seen.unseen || attempt->seen.events == 0 || on_its_way;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The most that the output was: as much as the provider was asked for, or what was visible, where
 * all of it is, or more came than that. */
static int64_t most_output(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    struct seen_count count;
    seen_count(&attempt->seen, call_budget_tokenizer(call), &count);
    attempt->untrue = count.sure > attempt->output_asked;
    if (count.least > attempt->output_bound) {
        return count.most; /* it did not keep to it: no bound but what came */
    }
    bool visible = !may_be_unseen(attempt) && count.most < attempt->output_bound;
    return visible ? count.most : attempt->output_bound;
}

/* Where sound or pictures are dearer, all of it may be that: so the charge is computed again. */
static void name_media(const struct call *call, struct usage *usage)
{
    const unsigned media = call->attempt.media;
    struct price spare;
    const struct price *price = attempt_price(call, call->attempt.target, &spare);
    if (price_bound(price, usage->input, usage->output, media) ==
        price_bound(price, usage->input, usage->output, 0)) {
        return;
    }
    usage->audio_input = (media & PRICE_MEDIA(PRICE_AUDIO_INPUT)) != 0 ? usage->input : 0;
    usage->audio_output = (media & PRICE_MEDIA(PRICE_AUDIO_OUTPUT)) != 0 ? usage->output : 0;
    usage->image_input = (media & PRICE_MEDIA(PRICE_IMAGE_INPUT)) != 0 ? usage->input : 0;
    usage->image_output = (media & PRICE_MEDIA(PRICE_IMAGE_OUTPUT)) != 0 ? usage->output : 0;
}

static enum charge_basis most_usage(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    struct usage *usage = &attempt->meter.usage;
    int64_t output = larger(most_output(call), usage->output);
    output = output > USAGE_TOKENS_MAX ? USAGE_TOKENS_MAX : output;
    if (usage->reported) { /* the input was */
        attempt->untrue = attempt->untrue || usage->output > attempt->output_asked;
        usage->output = output;
        usage->reported = false;
        return CHARGE_PRICE;
    }
    *usage = (struct usage){.input = attempt->input_bound, .output = output};
    name_media(call, usage);
    return CHARGE_MOST;
}

/* Is it a report at all? Counts that cannot be read are none, and no more are those that the answer
 * itself belies: nothing out of which something came, nothing in for a prompt (Ollama leaves out
 * what it had in its cache). */
static bool is_report(const struct call *call, bool priced)
{
    const struct attempt *attempt = &call->attempt;
    const struct meter *meter = &attempt->meter;
    const struct usage *usage = &meter->usage;
    enum operation operation = call->chat.operation;
    bool makes_text = operation == OPERATION_CHAT || operation == OPERATION_COMPLETION;
    bool came = makes_text && (meter->events > 0 || meter->text_bytes > 0);
    bool none_in = usage->input == 0 && attempt->back_id != DIALECT_OLLAMA;
    bool none_out = usage->output == 0 && came && is_final(attempt);
    bool amount_unread = usage->cost_unread && call_budget_capped(call) &&
                         (attempt->provider->quirks & QUIRK_REPORTS_COST) != 0;
    return priced || (!usage->unread && !amount_unread && !none_in && !none_out);
}

enum charge_basis attempt_usage(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    struct meter *meter = &attempt->meter;
    bool priced = meter->usage.has_provider_cost &&
                  (attempt->provider->quirks & QUIRK_REPORTS_COST) != 0;
    bool counted = call->chat.operation == OPERATION_TOKEN_COUNT;
    if ((meter->usage.reported || meter->usage.unread) && !counted && !is_report(call, priced)) {
        meter->usage.reported = false;
        metric_add(&call->worker->metrics.untrue_usage, 1);
    }
    bool reported = meter->usage.reported;
    if (!reported && !is_spent(attempt)) {
        return CHARGE_NOTHING;
    }
    if (call_budget_capped(call) && !priced && !(reported && is_final(attempt))) {
        return most_usage(call);
    }
    meter_settle(meter, call->tokens.expected, attempt->outcome == ATTEMPT_OK);
    return CHARGE_PRICE;
}

bool attempt_exceeds(const struct attempt *attempt)
{
    return attempt->meter.events > attempt->output_asked ||
           attempt->meter.text_bytes / TOKEN_BYTES_MAX > attempt->output_asked;
}

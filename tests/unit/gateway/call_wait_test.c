/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that wait for slices of their limits; the authority is the test. */
#include "gateway/call_wait.h"

#include "store/budget_lease.h"
#include "store/key_change.h"
#include "tests/unit/gateway/answers.h"
#include "tests/unit/gateway/gateway_harness.h"

#define YAML                                                                                       \
    "log: { access: false }\n"                                                                     \
    "keys: { required: true }\n"                                                                   \
    "providers:\n"                                                                                 \
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/a/v1' }\n"                \
    "targets:\n"                                                                                   \
    "  first: { provider: a, model: ma, price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"      \
    "routes:\n"                                                                                    \
    "  way: { targets: [first] }\n"
#define SMALL                                                                                      \
    "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{"    \
    "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hello\"},\"finish_reason\":"    \
    "\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5,\"total_tokens\":12}}"
#define LONG_NS (60 * NS_PER_S)
#define SHORT_NS (30 * NS_PER_MS)
#define ASKS 16

static struct client client;
static struct buf request = {.limit = 1u << 20};
static char secret[KEY_TEXT_SIZE];

static void on_moved(void *user)
{
    (void)user;
    call_wait_wake(h.worker);
}

static const struct lease_options options = {.wait_ns = LONG_NS, .moved = on_moved};

static void begin(void)
{
    const struct key_actor tester = {.name = SLICE("tester"), .wall_ns = NS_PER_S};
    struct limit_order limits[2] = {{.limits = limits_none()},
                                    {.model = SLICE("way"), .limits = limits_none()}};
    struct error error;
    struct key key;
    limits[0].limits.caps[0] = (struct spend_cap){.period = CAP_TOTAL, .amount_nd = NS_PER_S};
    limits[0].limits.cap_count = 1;
    limits[0].limits.requests_per_minute = 1000;
    limits[0].limits.tokens_per_minute = 1000000;
    limits[1].limits.parallel = 100;
    harness_begin(YAML, true);
    CHECK(key_create(h.database,
                     &(struct key_order){
                         .name = SLICE("test"), .limits = limits, .limit_count = ARRAY_LEN(limits)},
                     &tester, secret, &key, &error));
    key_set_unref(h.gateway.keys);
    h.gateway.keys = key_set_load(h.database, &error);
    CHECK(h.gateway.keys != NULL);
    gateway_tell_workers(&h.gateway);
    CHECK(budget_lease_enable(h.gateway.budget, LEASE_CAPS, &options) &&
          budget_lease_enable(h.gateway.budget, LEASE_RATES, &options));
    h.worker->lease_wait_ns = LONG_NS;
    script_set('a', (struct slice)ANSWER(SMALL), AFTER_CLOSE);
}

static void ask_for(const char *what)
{
    char header[128];
    snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", secret);
    buf_clear(&request);
    client_open(&client);
    client.out = post_text("/v1/chat/completions", header, slice_from_cstr(what), &request);
}

static void ask(void)
{
    ask_for(ASK("way", ",\"max_tokens\":9"));
}

static void end(void)
{
    client_close(&client);
    UNTIL(NULL, http_server_connections(h.worker->server) == 0);
}

/* Grants what those who wait need, and no more. */
static void grant(enum lease_authority authority, bool exhausted)
{
    struct lease_ask asks[ASKS];
    struct lease_answer answers[ASKS];
    budget_lease_retry(h.gateway.budget, authority, NULL);
    size_t count = budget_lease_collect(h.gateway.budget, authority, asks, ASKS);
    for (size_t i = 0; i < count; i++) {
        answers[i] = (struct lease_answer){
            .spent = asks[i].spent,
            .room = asks[i].room + (exhausted ? 0 : asks[i].need_all),
            .limit = asks[i].limit,
            .exhausted = exhausted,
        };
    }
    budget_lease_apply(h.gateway.budget, asks, answers, count);
}

static bool waits_for(enum call_step step)
{
    const struct call *call = h.worker->waiting;
    return call != NULL && call->waits && call->wait_again == step;
}

static void pass_to_hold(void)
{
    UNTIL(&client, waits_for(STEP_ADMIT));
    grant(LEASE_RATES, false);
    UNTIL(&client, waits_for(STEP_MODEL));
    grant(LEASE_RATES, false);
    UNTIL(&client, waits_for(STEP_HOLD)); /* for tokens; */
    uint64_t round = h.worker->wait_round;
    grant(LEASE_RATES, false);
    UNTIL(&client, h.worker->wait_round > round && waits_for(STEP_HOLD)); /* for money */
}

static void go_to_hold(void)
{
    ask();
    pass_to_hold();
}

static int64_t held(void)
{
    struct budget_stats stats;
    budget_stats_read(h.gateway.budget, &stats);
    return stats.held_nd;
}

static int in_flight(void)
{
    return (int)atomic_load(&harness_target("first")->health->in_flight);
}

/* Gives back all slices, so that the next test has none, and nothing is known to be used up. */
static void forget(void)
{
    const struct lease_meter cap = {.kind = SCOPE_KEY, .what = LEASE_TOTAL, .scope = 1};
    budget_lease_retry(h.gateway.budget, LEASE_CAPS, &cap);
    struct lease_ask asks[ASKS];
    struct lease_answer answers[ASKS];
    for (unsigned a = 0; a < LEASE_AUTHORITIES; a++) {
        budget_lease_mode(h.gateway.budget, (enum lease_authority)a, LEASE_GRANTS, 1);
        budget_lease_assert(h.gateway.budget, (enum lease_authority)a);
        size_t count = budget_lease_collect(h.gateway.budget, (enum lease_authority)a, asks, ASKS);
        for (size_t i = 0; i < count; i++) {
            answers[i] = (struct lease_answer){.spent = asks[i].spent, .room = asks[i].held};
        }
        budget_lease_apply(h.gateway.budget, asks, answers, count);
    }
}

static void waits_at_each_limit(void)
{
    go_to_hold();
    EXPECT_INT(script_of('a')->requests, 0);
    grant(LEASE_CAPS, false);
    UNTIL(&client, client_done(&client));
    EXPECT_INT(client_status(&client), 200);
    EXPECT_INT(script_of('a')->requests, 1);
    EXPECT_INT((int)atomic_load(&h.worker->metrics.lease_waits), 3);
    EXPECT(h.worker->waiting == NULL && h.worker->waiting_last == NULL);
    end();
    EXPECT_INT(held(), 0);
    forget();
}

static void is_refused_when_nothing_is_left(void)
{
    go_to_hold();
    grant(LEASE_CAPS, true);
    UNTIL(&client, client_done(&client));
    EXPECT_INT(client_status(&client), 429);
    EXPECT(slice_find_slice(buf_slice(&client.in), SLICE("\"cap_exceeded\"")) != SIZE_MAX);
    EXPECT_INT(in_flight(), 0);
    end();
    forget();
}

static void waits_no_longer_than_it_may(void)
{
    h.worker->lease_wait_ns = SHORT_NS;
    ask();
    UNTIL(&client, client_done(&client));
    EXPECT_INT(client_status(&client), 429);
    EXPECT(slice_find_slice(buf_slice(&client.in), SLICE("\"rate_limited\"")) != SIZE_MAX);
    EXPECT(h.worker->waiting == NULL);
    h.worker->lease_wait_ns = LONG_NS;
    end();
    forget();
}

static void nobody_is_there_to_ask(void)
{
    go_to_hold();
    budget_lease_mode(h.gateway.budget, LEASE_CAPS, LEASE_DENIES, 1);
    UNTIL(&client, client_done(&client));
    EXPECT_INT(client_status(&client), 503);
    EXPECT(slice_find_slice(buf_slice(&client.in), SLICE("\"authority_away\"")) != SIZE_MAX);
    EXPECT(client_header(&client, "retry-after").len > 0);
    EXPECT_INT(in_flight(), 0);
    end();
    forget();
}

static void a_client_leaves_while_its_call_waits(void)
{
    go_to_hold();
    EXPECT_INT(in_flight(), 1);
    end();
    EXPECT(h.worker->waiting == NULL && h.worker->waiting_last == NULL);
    EXPECT(h.worker->calls == NULL);
    EXPECT_INT(in_flight(), 0);
    EXPECT_INT(held(), 0);
    grant(LEASE_CAPS, false); /* it comes too late */
    forget();
    ask();
    UNTIL(&client, waits_for(STEP_ADMIT));
    end();
    EXPECT(h.worker->calls == NULL);
    forget();
}

static void many_wait_in_their_order(void)
{
    struct client others[3];
    struct buf texts[3] = {{.limit = 1u << 20}, {.limit = 1u << 20}, {.limit = 1u << 20}};
    char header[128];
    snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", secret);
    for (int i = 0; i < 3; i++) {
        client_open(&others[i]);
        others[i].out = post_text("/v1/chat/completions", header,
                                  slice_from_cstr(ASK("first", ",\"max_tokens\":9")), &texts[i]);
        UNTIL(&others[i], h.worker->waiting_last != NULL &&
                              h.worker->waiting_last->started_ns > 0 && others[i].out.len == 0);
    }
    for (int round = 0; round < 200 && !(client_done(&others[0]) && client_done(&others[1]) &&
                                         client_done(&others[2]));
         round++) {
        grant(LEASE_RATES, false);
        grant(LEASE_CAPS, false);
        for (int i = 0; i < 3; i++) {
            turn(&others[i]);
        }
    }
    for (int i = 0; i < 3; i++) {
        EXPECT_INT(client_status(&others[i]), 200);
        client_close(&others[i]);
        buf_release(&texts[i]);
    }
    UNTIL(NULL, http_server_connections(h.worker->server) == 0);
    forget();
}

#define FOUR HELLO HELLO HELLO HELLO
#define EIGHT FOUR FOUR /* tokens or more, of nine */
#define SIXTEEN EIGHT EIGHT /* more than nine, but not beyond doubt: the key is not blocked */
#define LATER CHUNK("\"content\":\"later\"")

static bool has(const char *text)
{
    return slice_find_slice(buf_slice(&client.in), slice_from_cstr(text)) != SIZE_MAX;
}

static void go_to_stream(struct slice answer)
{
    script_set('a', answer, AFTER_HANG);
    ask_for(ASK("way", STREAMED ",\"max_tokens\":9"));
    pass_to_hold();
    grant(LEASE_CAPS, false);
    UNTIL(&client, has("hello"));
}

static void end_stream(void)
{
    end();
    EXPECT_INT(held(), 0);
    script_set('a', (struct slice)ANSWER(SMALL), AFTER_CLOSE);
    forget();
}

static void a_stream_waits_for_more_room(void)
{
    go_to_stream((struct slice)STREAM(SIXTEEN));
    UNTIL(&client, waits_for(STEP_STREAM));
    latest_answers(SLICE(LATER STOP DONE), AFTER_CLOSE);
    for (int i = 0; i < 50; i++) {
        turn(&client);
    }
    EXPECT(!has("later")); /* nothing more is read */
    EXPECT(waits_for(STEP_STREAM));
    int64_t before = held();
    grant(LEASE_CAPS, false);
    UNTIL(&client, client_done(&client));
    EXPECT(has("later") && has("[DONE]") && !has("cap_exceeded"));
    EXPECT(before > 0 && h.worker->waiting == NULL);
    end_stream();
}

static void a_stream_asks_ahead(void)
{
    go_to_stream((struct slice)STREAM(EIGHT));
    int waits = (int)atomic_load(&h.worker->metrics.lease_waits);
    struct lease_ask ask_ = {.spent = 0};
    EXPECT(h.worker->waiting == NULL);
    budget_lease_retry(h.gateway.budget, LEASE_CAPS, NULL);
    size_t asked = budget_lease_collect(h.gateway.budget, LEASE_CAPS, &ask_, 1);
    EXPECT(asked == 1 && ask_.need_least > 0);
    const struct lease_answer answer = {
        .spent = ask_.spent, .room = ask_.room + ask_.need_all, .limit = ask_.limit};
    budget_lease_apply(h.gateway.budget, &ask_, &answer, asked);
    latest_answers(SLICE(FOUR LATER STOP DONE), AFTER_CLOSE);
    UNTIL(&client, client_done(&client));
    EXPECT(has("later") && has("[DONE]"));
    EXPECT_INT((int)atomic_load(&h.worker->metrics.lease_waits), waits);
    end_stream();
}

static void a_stream_is_cut_when_nothing_is_left(void)
{
    go_to_stream((struct slice)STREAM(SIXTEEN));
    UNTIL(&client, waits_for(STEP_STREAM));
    grant(LEASE_CAPS, true);
    grant(LEASE_CAPS, true);
    UNTIL(&client, client_done(&client));
    EXPECT(has("cap_exceeded") && !has("[DONE]"));
    end_stream();
    h.worker->lease_wait_ns = SHORT_NS;
    go_to_stream((struct slice)STREAM(SIXTEEN)); /* or when nobody answers in time */
    UNTIL(&client, client_done(&client));
    EXPECT(has("cap_exceeded"));
    h.worker->lease_wait_ns = LONG_NS;
    grant(LEASE_CAPS, true); /* nobody needs it any more */
    end_stream();
}

static void a_client_leaves_while_its_stream_waits(void)
{
    go_to_stream((struct slice)STREAM(SIXTEEN));
    UNTIL(&client, waits_for(STEP_STREAM));
    end_stream();
    EXPECT(h.worker->waiting == NULL && h.worker->calls == NULL);
    go_to_stream((struct slice)STREAM(SIXTEEN STOP DONE)); /* all of it came in one read */
    UNTIL(&client, client_done(&client));
    EXPECT(has("[DONE]") && h.worker->waiting == NULL);
    end_stream();
}

static void a_drain_cuts_those_that_wait(void)
{
    go_to_hold();
    harness_drain(1);
    UNTIL(&client, client_done(&client));
    EXPECT_INT(client_status(&client), 503);
    EXPECT(slice_find_slice(buf_slice(&client.in), SLICE("shutting_down")) != SIZE_MAX);
    client_close(&client);
}

int main(void)
{
    begin();
    TEST(waits_at_each_limit, "a call waits for requests, its model, tokens and its hold");
    TEST(is_refused_when_nothing_is_left, "nothing is left anywhere: refused as by any cap");
    TEST(waits_no_longer_than_it_may, "a call waits no longer than it may");
    TEST(nobody_is_there_to_ask, "nobody is there to ask: authority_away, at once");
    TEST(a_client_leaves_while_its_call_waits, "a client may leave while its call waits");
    TEST(many_wait_in_their_order, "several calls wait, and all go on");
    TEST(a_stream_waits_for_more_room, "a stream beyond its bound is not read until it has room");
    TEST(a_stream_asks_ahead, "a stream near its bound asks ahead, and does not wait then");
    TEST(a_stream_is_cut_when_nothing_is_left, "a stream is cut when there is no room anywhere");
    TEST(a_client_leaves_while_its_stream_waits, "a stream that waits may end otherwise");
    TEST(a_drain_cuts_those_that_wait, "a drain cuts calls that wait");
    harness_end();
    buf_release(&request);
    return tap_done();
}

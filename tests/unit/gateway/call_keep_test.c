/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of calls that are over: all of a wave for the next one, and little once it is past.
 */
#include "tests/unit/gateway/gateway_harness.h"

#include "gateway/call.h"
#include "tests/unit/gateway/answers.h"

#define YAML                                                                                       \
    "log: { access: false }\n"                                                                     \
    "providers:\n"                                                                                 \
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/a/v1' }\n"                \
    "targets:\n"                                                                                   \
    "  first: { provider: a, model: ma, price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"

#define WAVE 150u

static struct client clients[WAVE];
static struct buf request = {.limit = 1u << 20};

static void wave_begin(void)
{
    script_set('a', SLICE(""), AFTER_HANG);
    for (unsigned i = 0; i < WAVE; i++) {
        client_open(&clients[i]);
        clients[i].out = buf_slice(&request);
        client_turn(&clients[i]);
    }
    UNTIL(NULL, script_of('a')->requests == (int)WAVE);
}

static void wave_end(void)
{
    for (unsigned i = 0; i < WAVE; i++) {
        client_close(&clients[i]);
    }
    UNTIL(NULL, h.worker->keep.live == 0);
}

static unsigned listed(void)
{
    unsigned count = 0;
    for (const struct call *call = h.worker->calls; call != NULL; call = call->next) {
        count++;
    }
    return count;
}

static void waves(void)
{
    const struct call_keep *keep = &h.worker->keep;
    wave_begin();
    EXPECT_INT(keep->live, WAVE);
    EXPECT_INT(listed(), WAVE);
    const struct call *one = h.worker->calls;
    wave_end();
    EXPECT_INT(keep->count, WAVE);
    EXPECT_INT(listed(), 0);
    wave_begin(); /* at once: not one call is made anew */
    EXPECT_INT(keep->count, 0);
    bool seen = false;
    for (const struct call *call = h.worker->calls; call != NULL; call = call->next) {
        seen = seen || call == one;
    }
    EXPECT(seen);
    wave_end();
}

static void ebb(void)
{
    const struct call_keep *keep = &h.worker->keep;
    EXPECT(keep->count > CALLS_KEPT_LEAST);
    UNTIL(NULL, keep->count == CALLS_KEPT_LEAST && keep->base <= CALLS_KEPT_LEAST);
    UNTIL(NULL, !keep->ticking && !keep->trimming);
}

static void one_after_the_other(void)
{
    struct buf body = {.limit = 1u << 20};
    const struct call_keep *keep = &h.worker->keep;
    script_set('a', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
    for (int i = 0; i < 20; i++) {
        EXPECT_INT(harness_ask(buf_slice(&request), &clients[0], &body), 200);
        client_close(&clients[0]);
        UNTIL(NULL, keep->live == 0);
    }
    EXPECT_INT(keep->count, CALLS_KEPT_LEAST);
    EXPECT(!keep->ticking);
    buf_release(&body);
}

int main(void)
{
    harness_begin(YAML, false);
    (void)post_text("/v1/chat/completions", NULL, SLICE(ASK("first", "")), &request);
    TEST(waves, "calls that come in waves are made once");
    TEST(ebb, "what no wave needs any more is freed within moments");
    TEST(one_after_the_other, "calls that come alone free and make nothing");
    buf_release(&request);
    harness_end();
    return tap_done();
}

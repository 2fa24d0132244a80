/* SPDX-License-Identifier: Apache-2.0 */
/* From a name to a connection, and cancelling in every state and callback. */
#include "tests/unit/net/upstream_fixture.h"

#include "base/memory.h"

#include <sys/resource.h>

static struct fixture f;

static void hold_request(struct peer *peer, struct slice head, struct slice body)
{
    (void)peer;
    (void)head;
    (void)body;
}

static union net_address address(const char *text)
{
    union net_address made = {.v6 = {0}};

    if (inet_pton(AF_INET, text, &made.v4.sin_addr) == 1) {
        made.v4.sin_family = AF_INET;
    } else {
        CHECK(inet_pton(AF_INET6, text, &made.v6.sin6_addr) == 1);
        made.v6.sin6_family = AF_INET6;
    }
    return made;
}

/* The fixture's peer is known as name.test at these addresses. */
static void name_peer(const char *first, const char *second)
{
    const union net_address known[] = {address(first), address(second)};
    char text[64];

    upstream_origin_release(&f.origin);
    snprintf(text, sizeof(text), "http://name.test:%u", f.port);
    origin_for(&f.origin, text, "", "", "");
    EXPECT(resolver_learn(f.client->resolver, "name.test", known, 2));
}

/* --- addresses --- */

static void connects_over_ipv6(void)
{
    struct call call;
    uint16_t port;
    char text[64];
    int fd = fixture_listen("::1", &port);

    if (fd < 0) {
        printf("# no IPv6 on this machine\n");
        return;
    }
    close(fd);
    fixture_init_with(&f, "::1", &upstream_default_limits);
    f.on_request = answer_ok;
    snprintf(text, sizeof(text), "http://[::1]:%u/base", f.port);
    origin_for(&f.origin, text, "", "", "");
    EXPECT_SLICE(slice_from_cstr(f.origin.host), "::1");
    call_once(&call, &f);
    EXPECT_OK(call, "ok");
    call_release(&call);
    fixture_release(&f);
}

static void resolves_a_name(void)
{
    struct call call;
    char text[64];

    fixture_init(&f);
    f.on_request = answer_ok;
    upstream_origin_release(&f.origin);
    snprintf(text, sizeof(text), "http://localhost:%u", f.port);
    origin_for(&f.origin, text, "", "", "");
    call_once(&call, &f);
    EXPECT_OK(call, "ok");
    call_release(&call);
    fixture_release(&f);
}

static void goes_on_to_the_next_address_when_one_refuses(void)
{
    struct call call;

    fixture_init(&f);
    f.on_request = answer_ok;
    name_peer("127.0.0.2", "127.0.0.1");
    call_once(&call, &f);
    EXPECT_OK(call, "ok");
    EXPECT(call.r.connected_ns - call.r.started_ns < DIAL_STAGGER_MS * NS_PER_MS);
    call_release(&call);
    fixture_release(&f);
}

static void starts_the_next_address_when_one_is_silent(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    struct call call;
    int held[8];
    int silent = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    fixture_init(&f);
    f.on_request = answer_ok;
    at.sin_port = htons(f.port);
    (void)inet_pton(AF_INET, "127.0.0.2", &at.sin_addr);
    EXPECT_INT(bind(silent, (struct sockaddr *)&at, sizeof(at)), 0);
    EXPECT_INT(listen(silent, 0), 0);
    for (size_t i = 0; i < ARRAY_LEN(held); i++) { /* its queue is full: connections to it hang */
        held[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(held[i], (struct sockaddr *)&at, sizeof(at));
    }
    name_peer("127.0.0.2", "127.0.0.1");
    call_once(&call, &f);
    EXPECT_OK(call, "ok");
    EXPECT(call.r.connected_ns - call.r.started_ns >= (DIAL_STAGGER_MS - 2) * NS_PER_MS);
    call_release(&call);
    for (size_t i = 0; i < ARRAY_LEN(held); i++) {
        close(held[i]);
    }
    close(silent);
    fixture_release(&f);
}

static void fails_when_every_address_refuses(void)
{
    struct call call;

    fixture_init(&f);
    name_peer("127.0.0.2", "127.0.0.3");
    call_once(&call, &f);
    EXPECT_FAILURE(call, UPSTREAM_CONNECT);
    call_release(&call);
    fixture_release(&f);
}

static void names_without_an_address(struct call *call)
{
    /* Not a name: the system's resolver refuses it without asking anybody. */
    CHECK(strlen(f.origin.host) > strlen("bad host"));
    memcpy(f.origin.host, "bad host", sizeof("bad host"));
    call_init(call, &f);
}

static void says_that_a_name_has_no_address(void)
{
    struct call call;

    fixture_init(&f);
    names_without_an_address(&call);
    call_run(&call);
    EXPECT_FAILURE(call, UPSTREAM_RESOLVE);
    EXPECT(!call.r.sent);
    call_release(&call);
    fixture_release(&f);
}

/* Descriptors run out: the request fails, and the next one after that works again. */
static void survives_without_descriptors(void)
{
    struct rlimit limit;
    struct rlimit none;
    struct call call;

    fixture_init(&f);
    f.on_request = answer_ok;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = limit.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    call_once(&call, &f);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    EXPECT_FAILURE(call, UPSTREAM_CONNECT);
    EXPECT_SLICE(slice_from_cstr(call.detail), "too many open files");
    call_release(&call);
    call_once(&call, &f);
    EXPECT_OK(call, "ok");
    call_release(&call);
    fixture_release(&f);
}

#ifdef SLUICE_FAULTS
/* The n-th allocation fails, for every n (the peer's may be hit too: then a deadline ends the
 * request). */
static void survives_without_memory(void)
{
    bool happened = true;

    for (int nth = 0; happened; nth++) {
        struct call call;
        fixture_init(&f);
        f.on_request = answer_ok;
        upstream_origin_release(&f.origin);
        origin_for(&f.origin, "http://localhost:1", "", "", "");
        f.origin.port = f.port;
        call_init(&call, &f);
        buf_reserve(&call.body, 100);
        call.r.timeouts = (struct upstream_timeouts){
            .connect = 1000, .first_byte = 30, .idle = 30, .total = 1000};
        memory_fail_nth(nth);
        call_run(&call);
        happened = memory_fault_happened();
        memory_fail_nth(-1);
        EXPECT_INT(call.ends + call.fails, 1);
        EXPECT(happened || call.ends == 1);
        call_release(&call);
        fixture_release(&f);
        EXPECT(nth < 1000);
    }
}
#endif

/* --- cancelling --- */

static void expect_silence(struct call *call)
{
    int events = call->heads + call->datas + call->ends + call->fails;

    fixture_turn(&f, 20);
    EXPECT_INT(call->heads + call->datas + call->ends + call->fails, events);
    EXPECT(call->r.connection == NULL);
    call_release(call);
    fixture_release(&f);
}

static void cancels_while_resolving(void)
{
    struct call call;

    fixture_init(&f);
    names_without_an_address(&call);
    call_send(&call);
    EXPECT_INT(call.r.connection->state, CONNECTION_RESOLVING);
    upstream_cancel(&call.r);
    upstream_cancel(&call.r);
    expect_silence(&call);
}

static void cancels_while_dialling(void)
{
    struct call call;

    fixture_init(&f);
    call_init(&call, &f);
    call_send(&call);
    EXPECT_INT(call.r.connection->state, CONNECTION_DIALLING);
    upstream_cancel(&call.r);
    expect_silence(&call);

    fixture_init(&f);
    call_init(&call, &f);
    call_send(&call);
    uv_run(&f.loop.uv, UV_RUN_NOWAIT);
    upstream_cancel(&call.r);
    expect_silence(&call);
}

static void cancels_a_failure_that_waits(void)
{
    struct call calls[3];

    fixture_init(&f);
    for (int i = 0; i < 3; i++) {
        call_init(&calls[i], &f);
        calls[i].r.path = SLICE("bad");
        call_send(&calls[i]);
    }
    upstream_cancel(&calls[1].r);
    upstream_cancel(&calls[2].r);
    RUN_UNTIL(&f, call_over(&calls[0]));
    call_init(&calls[0], &f);
    calls[0].r.path = SLICE("bad");
    call_send(&calls[0]);
    upstream_cancel(&calls[0].r);
    call_release(&calls[1]);
    EXPECT_INT(calls[1].fails + calls[2].fails, 0);
    call_release(&calls[2]);
    expect_silence(&calls[0]);
}

static void cancels_while_waiting(void)
{
    struct call call;

    fixture_init(&f);
    f.on_request = hold_request;
    call_init(&call, &f);
    call_send(&call);
    RUN_UNTIL(&f, f.accepted == 1 && f.peers[0].requests == 1);
    upstream_cancel(&call.r);
    RUN_UNTIL(&f, f.peers[0].eof);
    expect_silence(&call);
}

static void cancels_while_uploading(void)
{
    size_t size = (size_t)12 << 20;
    char *body = calloc(1, size);
    struct call call;

    fixture_init(&f);
    f.deaf = true;
    call_init(&call, &f);
    call.r.body = slice_of(body, size);
    call_send(&call);
    RUN_UNTIL(&f, call.r.sent);
    upstream_cancel(&call.r);
    free(body);
    expect_silence(&call);
}

static void cancel_here(struct call *call)
{
    upstream_cancel(&call->r);
    memset(&call->r, 0xA5,
           offsetof(struct upstream_request, connection)); /* the owner may reuse it */
}

static void cancel_at_data(struct call *call, struct slice bytes)
{
    (void)bytes;
    cancel_here(call);
}

static void cancels_inside(struct call *call, int heads, int datas, int ends, int fails)
{
    call_send(call);
    RUN_UNTIL(&f, call->heads == heads && call->datas == datas && call->ends == ends &&
                      call->fails == fails);
    expect_silence(call);
}

static void start(struct call *call)
{
    fixture_init(&f);
    f.on_request = answer_ok;
    call_init(call, &f);
}

static void cancels_in_each_callback(void)
{
    struct call call;

    start(&call);
    call.in_head = cancel_here;
    cancels_inside(&call, 1, 0, 0, 0);
    start(&call);
    call.in_data = cancel_at_data;
    cancels_inside(&call, 1, 1, 0, 0);
    start(&call);
    call.in_end = cancel_here;
    cancels_inside(&call, 1, 1, 1, 0);
    start(&call);
    call.r.path = SLICE("bad");
    call.in_fail = cancel_here;
    cancels_inside(&call, 0, 0, 0, 1);
    start(&call);
    call.r.body_limit = 0;
    call.in_fail = cancel_here;
    cancels_inside(&call, 0, 0, 0, 1);
}

static void send_again(struct call *call)
{
    call->in_head = NULL;
    call->in_fail = NULL;
    upstream_cancel(&call->r);
    call->r.path = SLICE("/again");
    call->r.body_limit = 100;
    upstream_send(f.client, &call->r);
}

static void sends_the_same_request_again_from_a_callback(void)
{
    struct call call;

    start(&call);
    call.in_head = send_again;
    call_send(&call);
    RUN_UNTIL(&f, call_over(&call));
    EXPECT_INT(call.heads, 2);
    EXPECT_OK(call, "ok");
    call_release(&call);
    fixture_release(&f);

    start(&call);
    call.in_fail = send_again;
    call.r.body_limit = 0;
    call_send(&call);
    RUN_UNTIL(&f, call.ends == 1);
    EXPECT_SLICE(call_body(&call), "ok");
    call_release(&call);
    fixture_release(&f);

    start(&call);
    call.in_fail = send_again;
    call.r.path = SLICE("bad");
    call_send(&call);
    RUN_UNTIL(&f, call.ends == 1);
    EXPECT_INT(call.fails, 1);
    call_release(&call);
    fixture_release(&f);
}

static void names_failures(void)
{
    EXPECT_SLICE(slice_from_cstr(upstream_failure_name(UPSTREAM_CONNECT_TIMEOUT)),
                 "connect_timeout");
    for (int i = 0; i < UPSTREAM_FAILURES; i++) {
        EXPECT(upstream_failure_name((enum upstream_failure)i) != NULL);
    }
}

int main(void)
{
    TEST(connects_over_ipv6, "connects over IPv6");
    TEST(resolves_a_name, "resolves a name");
    TEST(goes_on_to_the_next_address_when_one_refuses,
         "goes on to the next address at once when one refuses");
    TEST(starts_the_next_address_when_one_is_silent,
         "tries the next address after 250 ms when one is silent");
    TEST(fails_when_every_address_refuses, "fails when every address refuses");
    TEST(says_that_a_name_has_no_address, "says that a name has no address");
    TEST(survives_without_descriptors, "fails without descriptors, and recovers");
#ifdef SLUICE_FAULTS
    TEST(survives_without_memory, "ends every request whichever allocation fails");
#endif
    TEST(cancels_while_resolving, "cancels while resolving");
    TEST(cancels_while_dialling, "cancels while dialling");
    TEST(cancels_a_failure_that_waits, "cancels a failure that waits to be told");
    TEST(cancels_while_waiting, "cancels while waiting for the answer");
    TEST(cancels_while_uploading, "cancels while uploading");
    TEST(cancels_in_each_callback, "cancels inside each callback");
    TEST(sends_the_same_request_again_from_a_callback,
         "sends the same request again from a callback");
    TEST(names_failures, "names every failure");
    return tap_done();
}

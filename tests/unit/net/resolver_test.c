/* SPDX-License-Identifier: Apache-2.0 */
/* Names to addresses: the cache, the last good answer, and who waits. No query leaves the machine.
 */
#include "net/resolver.h"

#include "tests/tap.h"

#include <arpa/inet.h>

/* Not a name: the system's resolver refuses it without asking anybody. */
#define BAD_NAME "bad host"

static struct clock_manual manual;
static struct net_loop loop;
static struct resolver *resolver;

struct asker {
    struct resolver_wait wait;
    int told;
    size_t count;
    char first[64];
    char detail[128];
    struct asker *forgets;
};

static void address_text(const union net_address *address, char *into, size_t size)
{
    if (address->any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &address->v4.sin_addr, into, (socklen_t)size);
    } else {
        (void)inet_ntop(AF_INET6, &address->v6.sin6_addr, into, (socklen_t)size);
    }
}

static union net_address address(const char *text)
{
    union net_address made = {.v6 = {0}};

    if (inet_pton(AF_INET, text, &made.v4.sin_addr) == 1) {
        made.v4.sin_family = AF_INET;
    } else {
        EXPECT_INT(inet_pton(AF_INET6, text, &made.v6.sin6_addr), 1);
        made.v6.sin6_family = AF_INET6;
    }
    return made;
}

static void on_told(struct resolver_wait *wait, const union net_address *addresses, size_t count,
                    const char *detail)
{
    struct asker *asker = wait->owner;

    asker->told++;
    asker->count = count;
    if (count > 0) {
        address_text(&addresses[0], asker->first, sizeof(asker->first));
    }
    snprintf(asker->detail, sizeof(asker->detail), "%s", detail == NULL ? "" : detail);
    if (asker->forgets != NULL) {
        resolver_forget(&asker->forgets->wait);
    }
}

static enum resolver_status ask(struct asker *asker, const char *host)
{
    const union net_address *addresses = NULL;
    size_t count = 0;

    *asker = (struct asker){.wait = {.on_done = on_told, .owner = asker}};
    enum resolver_status status = resolver_lookup(resolver, host, &asker->wait, &addresses, &count);
    if (status == RESOLVER_READY) {
        asker->count = count;
        address_text(&addresses[0], asker->first, sizeof(asker->first));
    }
    return status;
}

static void wait_for(struct asker *asker)
{
    while (asker->told == 0) {
        uv_run(&loop.uv, UV_RUN_ONCE);
    }
}

static bool gone;

static void on_gone(void *owner)
{
    (void)owner;
    gone = true;
}

static void start(void)
{
    clock_manual_init(&manual, NS_PER_S, 0);
    CHECK(net_loop_init(&loop, &manual.clock));
    resolver = resolver_new(&loop);
    gone = false;
}

static void stop(void)
{
    resolver_close(resolver, on_gone, NULL);
    while (!gone) {
        uv_run(&loop.uv, UV_RUN_ONCE);
    }
    resolver_free(resolver);
    net_loop_release(&loop);
}

static void knows_numeric_addresses(void)
{
    struct asker asker;

    start();
    EXPECT_INT(ask(&asker, "192.0.2.7"), RESOLVER_READY);
    EXPECT_SLICE(slice_from_cstr(asker.first), "192.0.2.7");
    EXPECT_INT(ask(&asker, "2001:db8::1"), RESOLVER_READY);
    EXPECT_SLICE(slice_from_cstr(asker.first), "2001:db8::1");
    EXPECT_INT(asker.count, 1);
    stop();
}

static void looks_a_name_up_once_for_all_who_wait(void)
{
    struct asker askers[3];
    struct asker late;

    start();
    for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
        EXPECT_INT(ask(&askers[i], i == 1 ? "LocalHost" : "localhost"), RESOLVER_WAITING);
    }
    for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
        wait_for(&askers[i]);
        EXPECT_INT(askers[i].told, 1);
        EXPECT(askers[i].count >= 1);
        EXPECT(strcmp(askers[i].first, "127.0.0.1") == 0 || strcmp(askers[i].first, "::1") == 0);
    }
    EXPECT_INT(ask(&late, "localhost"), RESOLVER_READY);
    stop();
}

static void says_why_a_name_has_no_address(void)
{
    struct asker asker;
    char long_name[400];

    start();
    EXPECT_INT(ask(&asker, BAD_NAME), RESOLVER_WAITING);
    wait_for(&asker);
    EXPECT_INT(asker.count, 0);
    EXPECT(asker.detail[0] != '\0');
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    EXPECT_INT(ask(&asker, long_name), RESOLVER_FAILED);
    EXPECT_INT(ask(&asker, ""), RESOLVER_FAILED);
    stop();
}

static void uses_an_answer_for_a_minute(void)
{
    union net_address known = address("192.0.2.1");
    struct asker asker;

    start();
    EXPECT(resolver_learn(resolver, BAD_NAME, &known, 1));
    EXPECT_INT(ask(&asker, BAD_NAME), RESOLVER_READY);
    clock_manual_advance(&manual, RESOLVER_FRESH_NS - 1);
    EXPECT_INT(ask(&asker, BAD_NAME), RESOLVER_READY);
    clock_manual_advance(&manual, 1);
    EXPECT_INT(ask(&asker, BAD_NAME), RESOLVER_WAITING);
    wait_for(&asker);
    stop();
}

static void falls_back_on_the_last_good_answer(void)
{
    union net_address known = address("192.0.2.1");
    struct asker asker;

    start();
    EXPECT(resolver_learn(resolver, BAD_NAME, &known, 1));
    clock_manual_advance(&manual, RESOLVER_STALE_NS - 1);
    EXPECT_INT(ask(&asker, BAD_NAME), RESOLVER_WAITING);
    wait_for(&asker);
    EXPECT_INT(asker.count, 1);
    EXPECT_SLICE(slice_from_cstr(asker.first), "192.0.2.1");
    clock_manual_advance(&manual, 1);
    EXPECT_INT(ask(&asker, BAD_NAME), RESOLVER_WAITING);
    wait_for(&asker);
    EXPECT_INT(asker.count, 0);
    stop();
}

static void forgets_who_does_not_want_to_know(void)
{
    struct asker first, second, third;

    start();
    EXPECT_INT(ask(&first, BAD_NAME), RESOLVER_WAITING);
    EXPECT_INT(ask(&second, BAD_NAME), RESOLVER_WAITING);
    EXPECT_INT(ask(&third, BAD_NAME), RESOLVER_WAITING);
    resolver_forget(&second.wait);
    resolver_forget(&second.wait);
    third.forgets = &first; /* from inside a callback: the last that came is told first */
    wait_for(&third);
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    EXPECT_INT(first.told, 0);
    EXPECT_INT(second.told, 0);
    EXPECT_INT(third.told, 1);
    stop();
}

static void closes_while_a_lookup_runs(void)
{
    struct asker asker;

    start();
    EXPECT_INT(ask(&asker, BAD_NAME), RESOLVER_WAITING);
    resolver_forget(&asker.wait);
    stop();
    EXPECT_INT(asker.told, 0);
}

static void alternates_families(void)
{
    const union net_address known[] = {address("2001:db8::1"), address("2001:db8::2"),
                                       address("2001:db8::3"), address("192.0.2.1"),
                                       address("192.0.2.2")};
    static const char *const wanted[] = {"2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2",
                                         "2001:db8::3"};
    const union net_address *addresses = NULL;
    struct resolver_wait wait = {.on_done = on_told};
    size_t count = 0;
    char text[64];

    start();
    EXPECT(resolver_learn(resolver, "name.test", known, ARRAY_LEN(known)));
    EXPECT_INT(resolver_lookup(resolver, "name.test", &wait, &addresses, &count), RESOLVER_READY);
    EXPECT_INT(count, ARRAY_LEN(known));
    for (size_t i = 0; i < count; i++) {
        address_text(&addresses[i], text, sizeof(text));
        EXPECT_SLICE(slice_from_cstr(text), wanted[i]);
    }
    stop();
}

static void bounds_the_number_of_names(void)
{
    union net_address known = address("192.0.2.1");
    char name[64];

    start();
    for (int i = 0; i < RESOLVER_NAMES_MAX; i++) {
        snprintf(name, sizeof(name), "n%d.test", i);
        EXPECT(resolver_learn(resolver, name, &known, 1));
    }
    EXPECT(!resolver_learn(resolver, "one.more.test", &known, 1));
    EXPECT(resolver_learn(resolver, "n0.test", &known, 1));
    clock_manual_advance(&manual, RESOLVER_STALE_NS);
    EXPECT(resolver_learn(resolver, "one.more.test", &known, 1));
    stop();
}

int main(void)
{
    TEST(knows_numeric_addresses, "knows numeric addresses at once");
    TEST(looks_a_name_up_once_for_all_who_wait, "looks a name up once for all who wait");
    TEST(says_why_a_name_has_no_address, "says why a name has no address");
    TEST(uses_an_answer_for_a_minute, "uses an answer for a minute");
    TEST(falls_back_on_the_last_good_answer, "falls back on the last good answer for ten minutes");
    TEST(forgets_who_does_not_want_to_know, "forgets who does not want to know any more");
    TEST(closes_while_a_lookup_runs, "closes while a lookup runs");
    TEST(alternates_families, "alternates families, each in its own order");
    TEST(bounds_the_number_of_names, "bounds the number of names");
    return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Refused callers get into the audit log; a flood of them does not. */
#include "gateway/refusals.h"

#include "gateway/key_api.h"
#include "store/audit.h"
#include "tests/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[64];
static char path[96];
static struct clock_manual manual;
static struct error error;

static void begin(void)
{
    char secret[KEY_TEXT_SIZE];
    struct key key;
    const struct key_order order = {.name = SLICE("alice")};
    const struct key_actor actor = {.name = SLICE("tester"), .wall_ns = NS_PER_S};
    snprintf(directory, sizeof(directory), "/tmp/sluice-refusals-XXXXXX");
    CHECK(mkdtemp(directory) != NULL);
    snprintf(path, sizeof(path), "%s/sluice.db", directory);
    clock_manual_init(&manual, NS_PER_S, 1790000000 * NS_PER_S);
    CHECK(key_create(path, &order, &actor, secret, &key, &error));
}

static void end(void)
{
    static const char *const files[] = {"", "-wal", "-shm"};
    char file[112];
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(file, sizeof(file), "%s%s", path, files[i]);
        unlink(file);
    }
    rmdir(directory);
}

static bool add(struct refusals *refusals, const char *detail)
{
    return refusals_add(refusals, SLICE("stranger"), SLICE("192.0.2.1"), SLICE("/v1/messages"),
                        "invalid_api_key", slice_from_cstr(detail));
}

static void a_flood_is_counted_only(void)
{
    struct audit_page page;
    struct audit_head head;
    struct arena arena;
    int kept = 0;
    begin();
    struct refusals *refusals = refusals_new(&manual.clock, path);
    CHECK(refusals != NULL);
    for (int i = 0; i < 10000; i++) {
        kept += add(refusals, "") ? 1 : 0;
    }
    EXPECT_INT(kept, REFUSALS_BURST);
    clock_manual_advance(&manual, 3 * NS_PER_S);
    for (int i = 0; i < 100; i++) {
        kept += add(refusals, "{\"key\":\"sk-sl-abcd...\"}") ? 1 : 0;
    }
    EXPECT_INT(kept, REFUSALS_BURST + 3 * REFUSALS_PER_S);
    clock_manual_advance(&manual, 100000 * NS_PER_S); /* the rest is not saved up */
    for (int i = 0; i < 1000; i++) {
        kept += add(refusals, "") ? 1 : 0;
    }
    EXPECT_INT(kept, 2 * REFUSALS_BURST + 3 * REFUSALS_PER_S);
    refusals_free(refusals);
    arena_init(&arena, 1 << 20);
    EXPECT(audit_verify(path, SLICE_EMPTY, &head, &error));
    EXPECT_INT(head.count, 1 + kept + 1);
    EXPECT(audit_list(path, 0, AUDIT_LIST_MAX, &arena, &page, &error));
    char suppressed[48];
    snprintf(suppressed, sizeof(suppressed), "{\"suppressed\":%d}", 10000 + 100 + 1000 - kept);
    EXPECT_SLICE(page.entries[0].outcome, "suppressed");
    EXPECT_SLICE(page.entries[0].detail, suppressed);
    EXPECT_SLICE(page.entries[1].outcome, "invalid_api_key");
    EXPECT_SLICE(page.entries[1].source, "192.0.2.1");
    arena_release(&arena);
    end();
}

static void the_loop_writes_them(void)
{
    uv_loop_t loop;
    struct audit_head head;
    begin();
    struct refusals *refusals = refusals_new(&manual.clock, path);
    CHECK(refusals != NULL && uv_loop_init(&loop) == 0);
    refusals_write(refusals, &loop); /* nothing to write */
    EXPECT_INT(uv_run(&loop, UV_RUN_NOWAIT), 0);
    EXPECT(add(refusals, ""));
    refusals_write(refusals, &loop);
    EXPECT(add(refusals, "")); /* while the first is under way */
    refusals_write(refusals, &loop);
    uv_run(&loop, UV_RUN_DEFAULT);
    EXPECT(audit_verify(path, SLICE_EMPTY, &head, &error));
    EXPECT_INT(head.count, 3);
    refusals_free(refusals);
    EXPECT(audit_verify(path, SLICE_EMPTY, &head, &error));
    EXPECT_INT(head.count, 3);
    EXPECT_INT(uv_loop_close(&loop), 0);
    end();
}

int main(void)
{
    TEST(a_flood_is_counted_only, "of a flood a few are kept, and the number of the others");
    TEST(the_loop_writes_them, "the main loop writes what was noted, also what came meanwhile");
    return tap_done();
}

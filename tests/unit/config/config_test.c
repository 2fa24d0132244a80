/* SPDX-License-Identifier: Apache-2.0 */
/* Loading as a whole: secrets, texts that were cut anywhere, memory that runs out, files. */
#include "tests/unit/config/config_testing.h"

#include "base/memory.h"

#include <unistd.h>

#define CANARY "CaNaRy-value-of-a-key"

static const char *const keys[] = {"OPENAI_API_KEY=k", "OPENROUTER_API_KEY=k", NULL};

/* --- secrets --- */

static bool shows(struct loading *loading, const char *needle)
{
    struct slice text = loading_text(loading);
    bool found = slice_find_slice(text, slice_from_cstr(needle)) != SIZE_MAX;
    if (found) {
        printf("# %.*s\n", SLICE_ARG(text));
    }
    buf_clear(&loading->out);
    diagnostics_write_json(&loading->diagnostics, "f", &loading->out);
    return found || slice_find_slice(buf_slice(&loading->out), slice_from_cstr(needle)) != SIZE_MAX;
}

/* A key in the file, in every way to write it, beside every kind of mistake. */
static void diagnostics_never_show_a_key(void)
{
    static const char *const values[] = {
        CANARY,
        "\"" CANARY "\"",
        "'" CANARY "'",
        "\"" CANARY "${MISSING}\"",
        "\"" CANARY "${\"",
        "\"${MISSING:-" CANARY "}${\"",
        "\"" CANARY "\\x07\"",
        "{ a: " CANARY " }",
        "[" CANARY "]",
        "[[" CANARY "]]",
        "!!str " CANARY,
        "&x " CANARY,
        "{ " CANARY ": x }",
    };
    static const char *const forms[] = {
        "providers: { openai: { api_key: %s, colour: red } }\n",
        "providers: { openai: { api_key: %s } }\nsections: 1\n",
        "providers: { openai: { colour: red, api_key: %s } }\n",
        "providers:\n  openai:\n    api_key: %s\n    colour: red\n",
        "providers:\n  openai:\n    api_key:\n      %s\n    colour: red\n",
        "providers:\n  openai:\n    api_key: %s\n    headers: { X: %s, \"b d\": %s, Host: %s }\n",
        "providers:\n  openai: { api_key: k, headers: { Authorization: %s } }\n",
        "providers:\n  openai: { apikey: %s, token: %s, my_secret: %s }\n",
        "providers:\n  openai: { api_key: %s, api_key: %s }\n",
        "model_list: [{ litellm_params: { api_key: %s } }]\n",
        "providers: { openai: { api_key: %s } }\n  bad: indentation\n",
        "providers:\n  openai:\n    api_key: %s\n   bad: indentation\n",
        "providers:\n  openai: { api_key: %s\n  other: { preset: x\n",
        "providers:\n  openai: { api_key: %s, ca_file: \"never closed }\n",
        "providers:\n  openai:\n    api_key: %s\n---\nanother: document\n",
    };
    for (size_t f = 0; f < ARRAY_LEN(forms); f++) {
        for (size_t v = 0; v < ARRAY_LEN(values); v++) {
            char text[1000];
            struct loading loading;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(text, sizeof(text), forms[f], values[v], values[v], values[v], values[v]);
#pragma GCC diagnostic pop
            EXPECT(loading_cstr(&loading, text) == NULL);
            EXPECT(!shows(&loading, CANARY));
            loading_end(&loading);
        }
    }
}

static void diagnostics_never_show_the_environment(void)
{
    static const char *const environment[] = {"KEY=" CANARY, "HTTPS_PROXY=ftp://u:" CANARY "@h",
                                              NULL};
    static const char *const texts[] = {
        "providers: { openai: { api_key: \"${KEY}\", preset: \"${KEY}\" } }\n",
        "providers: { openai: { api_key: \"${KEY}\\n\" } }\n",
        "providers: { openai: { api_key: k, base_url: \"${KEY}\" } }\n",
        "providers: { openai: { api_key: k, base_url: \"https://u:${KEY}@h\" } }\n",
        "providers: { openai: { api_key: k } }\n",
        "providers: { p: { preset: ollama } }\ntargets: { a: { provider: \"${KEY}\", model: m },\n"
        "  b: { provider: p, model: m, tier: \"${KEY}\", latency_ms: \"${KEY}\",\n"
        "       capabilities: [\"${KEY}\"] } }\n"
        "routes: { auto: { targets: [\"${KEY}\"], baseline: \"${KEY}\",\n"
        "  escalate: { when: [\"${KEY}\"] } } }\n"
        "server: { listen: \"${KEY}\", workers: \"${KEY}\" }\n"
        "classifier: { kind: endpoint, url: \"${KEY}\" }\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct loading loading;
        EXPECT(loading_begin(&loading, slice_from_cstr(texts[i]), TESTING_FILE, environment) ==
               NULL);
        EXPECT(!shows(&loading, CANARY));
        loading_end(&loading);
    }
}

/* What /proc says of our own memory: does it hold the canary (which is masked here)? */
static size_t count_in_memory(const unsigned char *masked, size_t len)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    size_t count = 0;
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        unsigned long begin;
        unsigned long end;
        char mode[8];
        if (sscanf(line, "%lx-%lx %7s", &begin, &end, mode) != 3 || mode[1] != 'w' ||
            mode[0] != 'r' || strstr(line, "[v") != NULL) {
            continue;
        }
        for (const volatile unsigned char *p = (const unsigned char *)begin;
             p + len <= (const unsigned char *)end; p++) {
            size_t same = 0;
            while (same < len && (p[same] ^ 0x55) == masked[same]) {
                same++;
            }
            count += same == len ? 1 : 0;
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
    return count;
}

static bool can_scan(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false; /* freed memory is kept, and the shadow is terabytes */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return false;
#else
    return true;
#endif
#else
    return true;
#endif
}

static void no_key_stays_in_memory(void)
{
    unsigned char masked[24];
    static char variable[] = "OPENAI_API_KEY=........................";
    static const char *pairs[] = {variable, NULL};
    struct loading loading;
    if (!can_scan()) {
        return;
    }
    for (size_t i = 0; i < sizeof(masked); i++) {
        variable[15 + i] = (char)('a' + (i * 7 + i / 3) % 26);
        masked[i] = (unsigned char)(variable[15 + i] ^ 0x55);
    }
    const char *text = "providers: { openai: { api_key: \"${OPENAI_API_KEY}\",\n"
                       "  headers: { X-Other: \"a ${OPENAI_API_KEY} b\" } } }\n";
    loading_begin(&loading, slice_from_cstr(text), TESTING_FILE, pairs);
    EXPECT(loading.snapshot != NULL);
    EXPECT_INT(count_in_memory(masked, sizeof(masked)), 3); /* ours, and the headers */
    snapshot_unref(loading.snapshot);
    loading.snapshot = NULL;
    EXPECT_INT(count_in_memory(masked, sizeof(masked)), 1);
    loading_end(&loading);
    /* nor does it stay when the load fails */
    loading_begin(&loading,
                  SLICE("providers: { openai: { api_key: \"${OPENAI_API_KEY}\" } }\nx: 1\n"),
                  TESTING_FILE, pairs);
    EXPECT(loading.snapshot == NULL);
    EXPECT_INT(count_in_memory(masked, sizeof(masked)), 1);
    loading_end(&loading);
}

static void counts_references(void)
{
    struct loading loading;
    struct snapshot *snapshot = loading_cstr(&loading, "providers: { openai: { api_key: k } }\n");
    EXPECT(snapshot != NULL);
    if (snapshot != NULL) {
        EXPECT(snapshot_ref(snapshot) == snapshot);
        snapshot_unref(snapshot);
        EXPECT_SLICE(snapshot->providers[0].headers, "Authorization: Bearer k\r\n");
    }
    snapshot_unref(NULL);
    loading_end(&loading);
}

/* --- cut and broken texts --- */

static bool is_consistent(struct slice text, const char *file)
{
    struct loading loading;
    loading_begin(&loading, text, file, keys);
    bool ok = (loading.snapshot == NULL) == (loading.diagnostics.errors > 0);
    (void)loading_text(&loading);
    loading_end(&loading);
    return ok;
}

static void every_cut_of_a_file_is_survived(void)
{
    struct buf text = BUF_INIT(65536);
    EXPECT(testing_read("tests/unit/config/golden/mixed_many.yaml", &text));
    EXPECT(testing_read("tests/unit/config/golden/design_example.yaml", &text));
    for (size_t len = 0; len <= text.len; len++) {
        /* a block of its own, so that reading past its end is seen */
        char *copy = memory_alloc(len + 1);
        CHECK(copy != NULL);
        memcpy(copy, text.ptr, len);
        EXPECT(is_consistent(slice_of(copy, len), TESTING_FILE));
        memory_free(copy);
    }
    buf_release(&text);
}

static void every_changed_byte_is_survived(void)
{
    static const char changes[] = "\0\n\t :{}[],\"'$&*!|#-\xff";
    struct buf text = BUF_INIT(65536);
    EXPECT(testing_read("tests/unit/config/golden/design_example_built.yaml", &text));
    for (size_t i = 0; i < text.len; i++) {
        char before = text.ptr[i];
        text.ptr[i] = changes[i % (sizeof(changes) - 1)];
        EXPECT(is_consistent(buf_slice(&text), TESTING_FILE));
        text.ptr[i] = before;
    }
    buf_release(&text);
}

/* --- memory --- */

/* Each allocation of ours fails once: an error comes back, nothing leaks (the sanitizers watch). */
static void survives_failing_allocations(void)
{
#ifdef SLUICE_FAULTS
    struct buf text = BUF_INIT(65536);
    EXPECT(testing_read("tests/unit/config/golden/design_example_built.yaml", &text));
    for (int64_t nth = 0; nth < 100000; nth++) {
        struct loading loading;
        memory_fail_nth(nth);
        loading_begin(&loading, buf_slice(&text), TESTING_FILE, keys);
        bool happened = memory_fault_happened();
        memory_fail_nth(-1);
        EXPECT(loading.snapshot != NULL || loading.diagnostics.errors > 0);
        if (happened && loading.snapshot != NULL) {
            EXPECT(!loading.snapshot->arena.exhausted);
            EXPECT_INT(loading.snapshot->provider_count, 4);
            EXPECT_INT(loading.snapshot->named_targets, 4);
        }
        loading_end(&loading);
        if (!happened) {
            break;
        }
    }
    buf_release(&text);
#endif
}

/* --- files --- */

static void file_is(const char *path, struct slice content, const char *code)
{
    struct loading loading = {.out = BUF_INIT(1u << 20)};
    struct buf text;
    static const char *const nothing[] = {NULL};
    loading.environment.environment.get = testing_get;
    loading.environment.environment.user = &loading.environment;
    loading.environment.pairs = nothing;
    loading.options = (struct config_options){
        .file = path,
        .environment = &loading.environment.environment,
        .wall_s = TESTING_WALL_S,
        .generation = 7,
    };
    if (content.ptr != NULL) {
        EXPECT(testing_write(path, content));
    }
    loading.snapshot = config_load_file(&loading.options, &text, &loading.diagnostics);
    EXPECT((loading.snapshot == NULL) == (code != NULL));
    EXPECT(code == NULL || loading_find(&loading, code) != NULL);
    if (content.ptr != NULL && content.len <= 4u << 20) {
        EXPECT(slice_eq(buf_slice(&text), content));
    }
    if (loading.snapshot != NULL) {
        EXPECT_SLICE(loading.snapshot->source, path);
        EXPECT_INT(loading.snapshot->generation, 7);
    }
    buf_release(&text);
    loading_end(&loading);
    struct snapshot *again = config_load_file(&loading.options, NULL, &loading.diagnostics);
    EXPECT((again == NULL) == (code != NULL));
    snapshot_unref(again);
    diagnostics_release(&loading.diagnostics);
}

static void loads_files(void)
{
    char path[] = "/tmp/sluice-config-XXXXXX";
    struct buf large = BUF_INIT(8u << 20);
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    (void)close(fd);
    file_is(path, SLICE("providers: { openai: { api_key: k } }\n"), NULL);
    file_is(path, SLICE(""), "empty");
    buf_append_cstr(&large, "providers: { openai: { api_key: k } }\n#");
    while (large.len < (4u << 20) - 1) {
        buf_append_char(&large, 'x');
    }
    buf_append_char(&large, '\n');
    file_is(path, buf_slice(&large), NULL);
    buf_append_char(&large, '\n');
    file_is(path, buf_slice(&large), "too_large");
    (void)unlink(path);
    file_is(path, SLICE_EMPTY, "unreadable_file");
    file_is("/tmp", SLICE_EMPTY, "unreadable_file");
    buf_release(&large);
}

/* Work grows with the size of the file, not with its square. */
static void hostile_sizes_end_soon(void)
{
    struct buf text = BUF_INIT(4u << 20);
    struct loading loading;
    buf_append_cstr(&text, "providers: { openai: { api_key: k }, groq: { api_key: k } }\n"
                           "routes: { auto: { targets: [");
    for (int i = 0; i < 90000; i++) {
        buf_printf(&text, "openai/gpt%d,", i);
    }
    buf_append_cstr(&text, "] } }\n");
    EXPECT(loading_begin(&loading, buf_slice(&text), TESTING_FILE, keys) == NULL);
    EXPECT_INT(loading.diagnostics.count, 200);
    EXPECT(loading.diagnostics.errors > 80000);
    loading_end(&loading);
    buf_release(&text);
}

int main(void)
{
    TEST(diagnostics_never_show_a_key, "diagnostics never show a key of the file");
    TEST(diagnostics_never_show_the_environment,
         "diagnostics never show a value of the environment");
    TEST(no_key_stays_in_memory, "no key stays in memory when the snapshot goes");
    TEST(counts_references, "the last reference releases a snapshot");
    TEST(every_cut_of_a_file_is_survived, "a file may be cut anywhere");
    TEST(every_changed_byte_is_survived, "any byte of a file may change");
    TEST(survives_failing_allocations, "survives each allocation failing");
    TEST(loads_files, "loads files up to 4 MB");
    TEST(hostile_sizes_end_soon, "large lists of wrong names end soon");
    return tap_done();
}

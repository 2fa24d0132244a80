/* SPDX-License-Identifier: Apache-2.0 */
#include "config/paths.h"

#include "tests/tap.h"

static void beside(const char *file, const char *path, const char *wanted)
{
    struct arena arena;
    arena_init(&arena, 65536);
    EXPECT_SLICE(path_beside(&arena, slice_from_cstr(file), slice_from_cstr(path)), wanted);
    arena_release(&arena);
}

static void relative_paths_are_beside_the_file(void)
{
    beside("/etc/sluice/sluice.yaml", "key.pem", "/etc/sluice/key.pem");
    beside("conf/sluice.yaml", "sub/key.pem", "conf/sub/key.pem");
    beside("./sluice.yaml", "key.pem", "./key.pem");
    beside("sluice.yaml", "key.pem", "key.pem");
    beside("", "key.pem", "key.pem");
    beside("/sluice.yaml", "key.pem", "/key.pem");
    beside("/etc/sluice/sluice.yaml", "/run/key.pem", "/run/key.pem");
    beside("/etc/sluice/sluice.yaml", "", "");
}

static void says_why_a_file_cannot_be_read(void)
{
    char long_name[5000];
    memset(long_name, 'x', sizeof(long_name));
    EXPECT(path_unreadable(SLICE("tests/tap.h")) == NULL);
    EXPECT(path_unreadable(SLICE("/nonexistent/file")) != NULL);
    EXPECT(path_unreadable(SLICE("tests/tap.h/x")) != NULL);
    EXPECT(path_unreadable(SLICE("tests")) != NULL);
    EXPECT(path_unreadable(SLICE_EMPTY) != NULL);
    EXPECT(path_unreadable(slice_of(long_name, sizeof(long_name))) != NULL);
}

int main(void)
{
    TEST(relative_paths_are_beside_the_file, "relative paths are beside the configuration file");
    TEST(says_why_a_file_cannot_be_read, "says why a file cannot be read");
    return tap_done();
}

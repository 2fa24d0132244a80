/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/serve_demo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define LISTEN "127.0.0.1:4141"
#define CONFIG_MAX (64u << 10)
#define REAL_LATENCIES 1 /* they are not scaled down: this is for trying things out */

static bool write_file(const char *path, struct slice text, struct error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len;
    if (fd >= 0 && close(fd) != 0) {
        ok = false;
    }
    return ok || error_set(error, ERROR_ENVIRONMENT, "unwritable_file", "cannot write %s: %s", path,
                           strerror(errno));
}

/* The state directory's demo.yaml and demo.db. */
static bool choose_files(char file[LOAD_PATH_SIZE], char ledger[LOAD_PATH_SIZE],
                         struct error *error)
{
    char usual[LOAD_PATH_SIZE];
    if (!load_state_ledger(usual)) {
        return error_set(error, ERROR_ENVIRONMENT, "no_directory", "HOME is not set");
    }
    if (!load_make_directory(usual, error)) {
        return false;
    }
    *strrchr(usual, '/') = '\0';
    if (snprintf(file, LOAD_PATH_SIZE, "%s/demo.yaml", usual) >= LOAD_PATH_SIZE ||
        snprintf(ledger, LOAD_PATH_SIZE, "%s/demo.db", usual) >= LOAD_PATH_SIZE) {
        return error_set(error, ERROR_ENVIRONMENT, "no_directory", "the path is too long");
    }
    return true;
}

bool serve_demo_start(struct demo_fleet *fleet, char ret_file[LOAD_PATH_SIZE], struct error *error)
{
    char ledger[LOAD_PATH_SIZE];
    struct buf text = BUF_INIT(CONFIG_MAX);
    if (!choose_files(ret_file, ledger, error) ||
        !demo_fleet_start(fleet, &demo_mixed, REAL_LATENCIES, error)) {
        return false;
    }
    demo_fleet_write_config(fleet, LISTEN, ledger, &text);
    bool ok = write_file(ret_file, buf_slice(&text), error);
    buf_release(&text);
    if (!ok) {
        demo_fleet_stop(fleet);
    }
    return ok;
}

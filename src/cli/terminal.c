/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include "cli/command.h"
#include "codec/json_write.h"
#include "model/price.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_STEP 65536

void say(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
}

int say_error(const char *command, const struct error *error)
{
    bool placed = error->pointer[0] != '\0';
    say("sluice %s: %s%s%s", command, error->pointer, placed ? ": " : "", error->text);
    return EXIT_CODE_FAILED;
}

int print_data(struct buf *data)
{
    bool ok = !data->failed;
    if (!ok) {
        say("sluice: the output is too large");
    } else if (data->len > 0) {
        ok = fwrite(data->ptr, 1, data->len, stdout) == data->len && fflush(stdout) == 0;
        if (!ok) {
            say("sluice: cannot write the output: %s", strerror(errno));
        }
    }
    buf_release(data);
    return ok ? EXIT_CODE_OK : EXIT_CODE_FAILED;
}

bool wants_colour(int fd)
{
    const char *no = getenv("NO_COLOR");
    const char *force = getenv("CLICOLOR_FORCE");
    const char *term = getenv("TERM");
    if (no != NULL && no[0] != '\0') {
        return false;
    }
    if (force != NULL && force[0] != '\0' && strcmp(force, "0") != 0) {
        return true;
    }
    return isatty(fd) && (term == NULL || strcmp(term, "dumb") != 0);
}

void put_usd(struct buf *out, int64_t nd)
{
    if (nd < 0) {
        buf_append_char(out, '-');
        nd = nd == INT64_MIN ? INT64_MAX : -nd;
    }
    buf_append_char(out, '$');
    money_format(out, nd);
}

void put_count(struct buf *out, int64_t value)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%lld", (long long)value);
    for (int i = 0; i < len; i++) {
        buf_append_char(out, digits[i]);
        int left = len - i - 1;
        if (left > 0 && left % 3 == 0 && digits[i] != '-') {
            buf_append_char(out, ',');
        }
    }
}

void put_rate(struct buf *out, int64_t pd)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_write_scaled(&w, pd, 6);
}

static bool read_all(int fd, struct buf *out, const char *path, struct error *error)
{
    for (;;) {
        char *room = buf_reserve(out, READ_STEP);
        if (room == NULL) {
            return error_set(error, ERROR_LIMIT, "too_large", "%s is larger than %zu MB", path,
                             out->limit >> 20);
        }
        ssize_t got = read(fd, room, READ_STEP);
        if (got == 0) {
            return true;
        }
        if (got > 0) {
            out->len += (size_t)got;
        } else if (errno != EINTR) {
            return error_set(error, ERROR_ENVIRONMENT, "unreadable_file", "cannot read %s: %s",
                             path, strerror(errno));
        }
    }
}

bool read_input(const char *path, struct buf *out, struct error *error)
{
    if (strcmp(path, "-") == 0) {
        return read_all(STDIN_FILENO, out, "standard input", error);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_set(error, ERROR_NOT_FOUND, "unreadable_file", "cannot read %s: %s", path,
                         strerror(errno));
    }
    bool ok = read_all(fd, out, path, error);
    close(fd);
    return ok;
}

bool parse_days(const char *text, int64_t *ret_s)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'h', 3600}, {'d', 86400}, {'w', 604800}};
    struct slice number = slice_from_cstr(text);
    uint64_t count;
    if (number.len < 2) {
        return false;
    }
    char unit = number.ptr[--number.len];
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (units[i].unit == unit && slice_to_u64(number, &count) && count <= 36500) {
            *ret_s = (int64_t)count * units[i].seconds;
            return true;
        }
    }
    return false;
}

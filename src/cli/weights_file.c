/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/weights_file.h"

#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define PATH_SIZE 1024

bool weights_load(const char *path, struct weights *ret_weights, struct error *error)
{
    struct buf bytes = BUF_INIT(WEIGHTS_BYTES_MAX);
    struct error fault;
    bool read = read_input(path, &bytes, error);
    if (read && !weights_read(buf_slice(&bytes), ret_weights, &fault)) {
        read = error_set(error, fault.kind, fault.code, "%s: %s", path, fault.text);
    }
    buf_release(&bytes);
    return read;
}

static bool cannot_write(const char *path, struct error *error)
{
    return error_set(error, ERROR_ENVIRONMENT, "unwritable_file", "cannot write %s: %s", path,
                     strerror(errno));
}

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t count = write(fd, bytes.ptr, bytes.len);
        if (count < 0 && errno != EINTR) {
            return false;
        }
        bytes = slice_from(bytes, count < 0 ? 0 : (size_t)count);
    }
    return fsync(fd) == 0;
}

static bool replace_file(const char *path, struct slice bytes, struct error *error)
{
    char draft[PATH_SIZE];
    int length = snprintf(draft, sizeof(draft), "%s.%ld", path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof(draft)) {
        errno = ENAMETOOLONG;
        return cannot_write(path, error);
    }
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        return cannot_write(draft, error);
    }
    bool written = write_all(fd, bytes);
    written = close(fd) == 0 && written;
    if (!written || rename(draft, path) != 0) {
        cannot_write(path, error);
        unlink(draft);
        return false;
    }
    return true;
}

bool weights_save(const struct weights *weights, const char *path, size_t *ret_bytes,
                  struct error *error)
{
    struct buf bytes = BUF_INIT(WEIGHTS_BYTES_MAX);
    bool written = weights_write(weights, &bytes)
                       ? replace_file(path, buf_slice(&bytes), error)
                       : error_set(error, ERROR_LIMIT, "too_large", "the weights do not fit");
    *ret_bytes = bytes.len;
    buf_release(&bytes);
    return written;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"

#include "tests/tap.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child process that fails a CHECK() says on stderr; its wait status in *ret_status. */
static void run_failing_child(char *text, size_t size, int *ret_status)
{
    int ends[2];
    size_t len = 0;
    ssize_t got = 0;
    *ret_status = 0;
    text[0] = '\0';
    if (pipe(ends) != 0) {
        return;
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        int two = 2;
        CHECK(two == 3);
        _exit(0);
    }
    close(ends[1]);
    while (len < size - 1 && (got = read(ends[0], text + len, size - 1 - len)) > 0) {
        len += (size_t)got;
    }
    text[len] = '\0';
    close(ends[0]);
    waitpid(child, ret_status, 0);
}

static void test_failure_aborts_with_context(void)
{
    char text[1000];
    int status = 0;
    run_failing_child(text, sizeof(text), &status);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    EXPECT(strstr(text, "two == 3") != NULL);
    EXPECT(strstr(text, "check_test.c:") != NULL);
}

static void test_success_evaluates_once(void)
{
    int count = 0;
    CHECK(++count == 1);
    EXPECT_INT(count, 1);
}

int main(void)
{
    TEST(test_failure_aborts_with_context, "a failed CHECK says where and what, then aborts");
    TEST(test_success_evaluates_once, "a CHECK evaluates its condition once");
    return tap_done();
}

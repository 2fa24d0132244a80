/* SPDX-License-Identifier: Apache-2.0 */
#include "model/loss.h"

#include "tests/tap.h"

#include <stdio.h>

#define TEXT(loss) slice_of((loss).text, (loss).len)

static void lists_each_member_once(void)
{
    struct loss loss = {.len = 0};
    loss_add(&loss, SLICE("user"));
    loss_add(&loss, SLICE("messages.0.name"));
    loss_add(&loss, SLICE("user"));
    loss_add(&loss, SLICE("use"));
    loss_add(&loss, SLICE("name"));
    loss_add(&loss, SLICE(""));
    EXPECT_SLICE(TEXT(loss), "user,messages.0.name,use,name");
    EXPECT_INT(loss.count, 4);
}

static void holds_safe_characters_only(void)
{
    struct loss loss = {.len = 0};
    loss_add(&loss, SLICE("a\r\nb,c\"d\\e \xC3\xA9"));
    loss_add(&loss, SLICE("a\r\nb,c\"d\\e \xC3\xA9"));
    EXPECT_SLICE(TEXT(loss), "a__b_c_d_e___");
    EXPECT_INT(loss.count, 1);
}

static void stays_within_its_bounds(void)
{
    struct loss loss = {.len = 0};
    char name[300];
    memset(name, 'x', sizeof name);
    loss_add(&loss, slice_of(name, sizeof name));
    EXPECT_INT(loss.len, 0);
    EXPECT_INT(loss.count, 1);
    for (int i = 0; i < 100; i++) {
        char member[32];
        (void)snprintf(member, sizeof member, "member_%03d", i);
        loss_add(&loss, slice_from_cstr(member));
    }
    EXPECT_INT(loss.count, 101);
    EXPECT(loss.len <= sizeof loss.text && loss.len > sizeof loss.text - 11);
    EXPECT(loss.text[loss.len - 1] != ',');
    loss = (struct loss){.len = 0};
    loss_add(&loss, slice_of(name, sizeof loss.text));
    EXPECT_INT(loss.len, sizeof loss.text);
    loss_add(&loss, SLICE("y"));
    EXPECT_INT(loss.len, sizeof loss.text);
    EXPECT_INT(loss.count, 2);
}

int main(void)
{
    TEST(lists_each_member_once, "each member is listed once, by its whole name");
    TEST(holds_safe_characters_only, "only characters that are safe in a header get in");
    TEST(stays_within_its_bounds, "what does not fit whole is counted only");
    return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Whose files are used. T1 to T3: see system/trust.h. */
#include "system/trust.h"

#include <grp.h>
#include <unistd.h>

#include "support/check.h"
#include "support/child.h"

#define STRANGER 4711u

static struct stat file_of(uid_t owner, gid_t group, mode_t mode)
{
    return (struct stat){.st_uid = owner, .st_gid = group, .st_mode = S_IFREG | mode, .st_nlink = 1};
}

static enum slipring_status verdict(uid_t owner, gid_t group, mode_t mode)
{
    const struct stat st = file_of(owner, group, mode);
    return sr_trust_check(&st);
}

static void ones_own_files_and_roots_are_trusted_T1(void **state)
{
    (void)state;
    CHECK_OK(verdict(geteuid(), STRANGER, 0600));
    CHECK_OK(verdict(geteuid(), STRANGER, 0));
    CHECK_OK(verdict(0, STRANGER, 0600));
    CHECK_OK(verdict(0, STRANGER, 0660));
}

static void strangers_files_are_trusted_in_a_group_of_ours_alone_T1(void **state)
{
    (void)state;
    CHECK_STATUS(verdict(STRANGER, STRANGER, 0600), SLIPRING_UNTRUSTED);
    CHECK_STATUS(verdict(STRANGER, STRANGER, 0660), SLIPRING_UNTRUSTED);  /* root too: it is in few groups */
    CHECK_STATUS(verdict(STRANGER, getegid(), 0600), SLIPRING_UNTRUSTED); /* theirs, not the group's */
    CHECK_OK(verdict(STRANGER, getegid(), 0660));
    CHECK_OK(verdict(STRANGER, getegid(), 0640));
}

static void join_groups(void *unused)
{
    (void)unused;
    const gid_t groups[] = {7, STRANGER, 9};
    CHECK_EQUAL(setgroups(3, groups), 0);
    CHECK_OK(verdict(STRANGER, STRANGER, 0660));
    CHECK_OK(verdict(STRANGER, 9, 0660));
    CHECK_STATUS(verdict(STRANGER, 8, 0660), SLIPRING_UNTRUSTED);
    CHECK_EQUAL(setgroups(0, NULL), 0);
    CHECK_STATUS(verdict(STRANGER, STRANGER, 0660), SLIPRING_UNTRUSTED);
}

static void the_other_groups_of_a_process_count_as_its_first_does_T1(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("not root: other groups are not tried\n");
        return;
    }
    child_run(join_groups, NULL);
}

static void a_file_that_others_may_use_is_nobodys_T2(void **state)
{
    (void)state;
    for (mode_t others = 1; others <= 7; others++) {
        CHECK_STATUS(verdict(geteuid(), getegid(), 0600 | others), SLIPRING_UNTRUSTED);
    }
}

static void a_file_of_two_names_is_not_trusted_and_one_of_no_name_is_T3(void **state)
{
    (void)state;
    struct stat st = file_of(geteuid(), getegid(), 0600);
    st.st_nlink = 2;
    CHECK_STATUS(sr_trust_check(&st), SLIPRING_UNTRUSTED);
    st.st_nlink = 0;
    CHECK_OK(sr_trust_check(&st));
}

static void what_is_no_regular_file_is_foreign(void **state)
{
    (void)state;
    const mode_t kinds[] = {S_IFIFO, S_IFDIR, S_IFSOCK, S_IFCHR, S_IFLNK};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct stat st = file_of(geteuid(), getegid(), 0600);
        st.st_mode = kinds[i] | 0600;
        CHECK_STATUS(sr_trust_check(&st), SLIPRING_FOREIGN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ones_own_files_and_roots_are_trusted_T1),
        cmocka_unit_test(strangers_files_are_trusted_in_a_group_of_ours_alone_T1),
        cmocka_unit_test(the_other_groups_of_a_process_count_as_its_first_does_T1),
        cmocka_unit_test(a_file_that_others_may_use_is_nobodys_T2),
        cmocka_unit_test(a_file_of_two_names_is_not_trusted_and_one_of_no_name_is_T3),
        cmocka_unit_test(what_is_no_regular_file_is_foreign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

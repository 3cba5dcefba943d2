/* SPDX-License-Identifier: Apache-2.0 */
/* Owner, mode and links of a file: see trust.h. */
#include "system/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Asked for the files of other users alone. */
static bool is_in_group(gid_t group)
{
    if (getegid() == group) {
        return true;
    }
    int count = getgroups(0, NULL);
    gid_t *groups = count > 0 ? malloc((size_t)count * sizeof *groups) : NULL;
    if (!groups) {
        return false;
    }
    count = getgroups(count, groups);
    bool is_in = false;
    for (int i = 0; i < count; i++) {
        is_in |= groups[i] == group;
    }
    free(groups);
    return is_in;
}

enum slipring_status sr_trust_check(const struct stat *st)
{
    if (!S_ISREG(st->st_mode)) {
        return SLIPRING_FOREIGN;
    }
    if ((st->st_mode & S_IRWXO) != 0 ||
        st->st_nlink > 1) { /* T2, T3; no name at all is not for us to judge */
        return SLIPRING_UNTRUSTED;
    }
    const bool is_shared = (st->st_mode & S_IRGRP) != 0; /* T1 */
    return st->st_uid == geteuid() || st->st_uid == 0 || (is_shared && is_in_group(st->st_gid))
               ? SLIPRING_OK
               : SLIPRING_UNTRUSTED;
}

bool sr_trust_open_up(const char *path)
{
    struct stat st;
    char name[32];
    const int error = errno; /* the caller's, which is still the reason when we cannot help */
    const int fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        errno = error;
        return false;
    }
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d",
                   fd); /* that file, whatever its name leads to by now */
    const bool is_half_made = fstat(fd, &st) == 0 && sr_trust_check(&st) == SLIPRING_OK &&
                              st.st_uid == geteuid() && st.st_size == 0 &&
                              (st.st_mode & (S_IRUSR | S_IWUSR)) != (S_IRUSR | S_IWUSR);
    const bool is_open = is_half_made && chmod(name, S_IRUSR | S_IWUSR) == 0;
    (void)close(fd);
    errno = error;
    return is_open;
}

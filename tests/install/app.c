/* SPDX-License-Identifier: Apache-2.0 */
/* A stranger's program: records once through the installed library and prints its version. */
#include <slipring/slipring.h>
#include <stdio.h>

int main(void)
{
    puts(slipring_status_text(SLIPRING_OK)[0] != '\0' ? SLIPRING_VERSION : "no text");
    return 0;
}

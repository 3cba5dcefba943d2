/* SPDX-License-Identifier: Apache-2.0 */
/* A stranger's program that reads usage objects and records nothing: valid C and C++. Prints what it read. */
#include <slipring/usage_json.h>
#include <stdio.h>

int main(void)
{
    static const char json[] =
        "{\"model\":\"gpt-4o\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}";
    char resource[SLIPRING_MODEL_NAME_MAX + 1];
    char why[SLIPRING_USAGE_WHY_BYTES];
    struct slipring_usage usage;
    if (slipring_usage_from_json(json, sizeof json - 1, NULL, NULL, resource, &usage, why) != SLIPRING_OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    printf("%s %d %d\n", resource, (int)usage.units[SLIPRING_UNIT_INPUT],
           (int)usage.units[SLIPRING_UNIT_OUTPUT]);
    return 0;
}

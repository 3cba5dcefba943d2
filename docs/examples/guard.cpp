/* SPDX-License-Identifier: Apache-2.0 */
/* The C headers in C++: a span that its scope ends, as a failure when an exception leaves it.
 *
 *     c++ guard.cpp $(pkg-config --cflags --libs slipring) -o guard
 *     ./guard && slipring show parse
 */
#include <slipring/slipring.h>

#include <cstdio>
#include <stdexcept>
#include <string>

class Span
{
  public:
    explicit Span(slipring_primitive *primitive) : span_(slipring_begin(primitive)) {}
    ~Span() { slipring_end(&span_, succeeded_ ? SLIPRING_SUCCESS : SLIPRING_FAILURE, nullptr); }
    Span(const Span &) = delete;
    Span &operator=(const Span &) = delete;

    void succeed() { succeeded_ = true; }

  private:
    slipring_span span_;
    bool succeeded_ = false;
};

static int parse(slipring_primitive *primitive, const std::string &text)
{
    Span span(primitive);
    const int number = std::stoi(text); /* throws: the span ends as a failure */
    span.succeed();
    return number;
}

int main()
{
    slipring_primitive *primitive;
    const slipring_status status = slipring_primitive_get(slipring_default(), "parse", "step", &primitive);
    if (status != SLIPRING_OK) {
        std::fprintf(stderr, "not recording: %s\n", slipring_status_text(status));
    }
    for (const char *text : {"1", "2", "three", "4"}) {
        try {
            std::printf("%d\n", parse(primitive, text));
        } catch (const std::invalid_argument &) {
            std::printf("no number: %s\n", text);
        }
    }
    return 0;
}

# As tests/e2e/tags.bats, with more states.

load helper

setup() { :; }
teardown_file() { :; }

@test "tags, and what is built, are those of git in thousands of states" {
    "$ROOT/tests/tools/tag_states.py" "$ROOT/${TAG_ANSWERS:-build/$CONFIG/tests/tools/tag_answers}" 170 7
}

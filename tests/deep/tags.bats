# As tests/e2e/tags.bats, with others.

load helper

setup() { :; }
teardown_file() { :; }

@test "tags, and what is built, are those of git in hundreds of further states" {
    "$ROOT/tests/tools/tag_states.py" "$ROOT/${TAG_ANSWERS:-build/$CONFIG/tests/tools/tag_answers}" 60 7
}

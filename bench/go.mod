module ai-gw-lite/bench

go 1.26

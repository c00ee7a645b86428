module ai-gw-lite

go 1.26

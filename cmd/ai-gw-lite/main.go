// Command ai-gw-lite is a gateway in front of AI APIs.
package main

func main() {}

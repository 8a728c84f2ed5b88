/** An app in the style of the web: a Request in, a Response out. */

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    switch (pathname) {
      case "/":
        return new Response("Hello from fetch\n");
      case "/search":
        return Response.json({ query: searchParams.get("q") });
      case "/upper":
        return new Response((await request.text()).toUpperCase());
      default:
        return new Response("Not Found\n", { status: 404 });
    }
  },
};

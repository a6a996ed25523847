// Answers what no route takes, in the words of every other error of the fleet.
function handler(event) {
  var text = 'there is nothing at ' + event.request.uri;
  return {
    statusCode: 404,
    statusDescription: 'Not Found',
    headers: {
      'content-type': { value: 'application/problem+json' },
      'cache-control': { value: 'no-store' },
    },
    body: {
      encoding: 'text',
      data: JSON.stringify({ type: '/problems/not-found', title: 'There is nothing here', status: 404, detail: text, error: text }) + '\n',
    },
  };
}

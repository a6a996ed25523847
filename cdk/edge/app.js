// Runs before the cache for the management app's files, which lie in the bucket
// below app/. Addresses without a file's extension are screens of the app: they
// all are app/index.html. (Error pages of the distribution could do that too,
// but would turn the API's 404 into a page.)
function handler(event) {
  var request = event.request;
  var uri = request.uri;
  if (uri === '/') return redirect(302, '/app/');
  if (uri === '/app') return redirect(308, '/app/');
  if (uri === '/favicon.svg') {
    request.uri = '/app/favicon.svg';
  } else if (uri.indexOf('/app/assets/') !== 0 && uri.slice(uri.lastIndexOf('/')).indexOf('.') < 0) {
    request.uri = '/app/index.html';
  }
  return request;
}

function redirect(status, to) {
  return {
    statusCode: status,
    statusDescription: status === 302 ? 'Found' : 'Permanent Redirect',
    headers: { location: { value: to } },
  };
}
